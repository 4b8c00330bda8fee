import type { Report } from './port.ts'

/** How long the success of another user's call shows that the model is healthy. Milliseconds. */
const FRESH_MS = 10_000

interface LastCall {
  readonly user: string
  readonly ok: boolean
  readonly at: number
}

/**
 * Remembers the results of the last calls of two users in this process. If one user's call fails shortly after another
 * user's call has succeeded, the failure is caused by the failed request and not by the model. So the failure does not
 * count for the circuit, and one user's bad requests do not stop the model's calls. Successes are remembered only in
 * this process, so they need no write of the state that the workers share. Otherwise each call of a healthy model would
 * cost a write.
 */
export function createWitness() {
  // The newest call is the first. Two users are enough, because at least one of them is not the user whose call fails.
  let last: readonly LastCall[] = []

  function note(users: readonly string[], ok: boolean, at: number): void {
    for (const user of new Set(users)) last = [{ user, ok, at }, ...last.filter(one => one.user !== user)].slice(0, 2)
  }

  return {
    /**
     * Notes the results of calls. Returns the report to apply to the shared state, without the failures that do not
     * count. The result of a probe (the one call that tests a model with an open circuit) always counts, because it
     * decides whether the circuit closes.
     */
    hear(report: Report, now: number): Report {
      const { findings, users = [], probe } = report
      const other = last.find(({ user }) => !users.includes(user))
      if (findings === 'healthy') note(users, true, now)
      if (typeof findings === 'string' || !('failures' in findings)) return report
      note(users, false, now)
      const isOwn = users.length > 0 && probe === undefined && other?.ok === true && now - other.at < FRESH_MS
      return isOwn ? { ...report, findings: 'nothing' } : report
    },
  }
}
