import type { Report } from './port.ts'

/** How long the success of another user's call shows that the model is well. Milliseconds. */
const FRESH_MS = 10_000

interface LastCall {
  readonly user: string
  readonly ok: boolean
  readonly at: number
}

/**
 * Remembers how the last calls of two users came out in this process. If a user's call fails shortly after a call of another user
 * has succeeded, the failure is that user's own, and does not count for the circuit. That needs no write of the shared state.
 */
export function createWitness() {
  // The newest first. Two users are enough: one of them is another one, whoever fails.
  let last: readonly LastCall[] = []

  function note(users: readonly string[], ok: boolean, at: number): void {
    for (const user of new Set(users)) last = [{ user, ok, at }, ...last.filter(one => one.user !== user)].slice(0, 2)
  }

  return {
    /** Notes how calls came out. Returns the report as the state is to have it. A probe counts, whoever makes it. */
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
