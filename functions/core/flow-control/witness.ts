import type { Report } from './port.ts'

/** How long the success of another user's call shows that the model is healthy. Milliseconds. */
const FRESH_MS = 10_000

interface LastCall {
  readonly user: string
  readonly ok: boolean
  readonly at: number
}

/**
 * Remembers the results of the last calls of two users in this process. If a user's call fails shortly after the
 * success of another user, the failure comes from that user's request, and does not count for the circuit. This needs
 * no write of the shared state.
 */
export function createWitness() {
  // The newest first. Two users are enough, because at least one of them is not the user whose call fails.
  let last: readonly LastCall[] = []

  function note(users: readonly string[], ok: boolean, at: number): void {
    for (const user of new Set(users)) last = [{ user, ok, at }, ...last.filter(one => one.user !== user)].slice(0, 2)
  }

  return {
    /**
     * Notes the results of calls. Returns the report that is applied to the shared state. The result of a probe always
     * counts.
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
