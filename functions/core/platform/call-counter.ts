import { intervalAt, type Rate } from '../domain/rate.ts'
import { rateExceeded } from '../domain/rate-exceeded.ts'

/** Users whose calls are counted at a time. Of more, the one whose count was begun first is forgotten. */
const MAX_USERS = 10_000

interface Count {
  readonly interval: number
  calls: number
}

/**
 * The calls of each user in the current interval of his rate, as this environment of a function has seen them. Each
 * environment counts for itself, so a user may make that many in each; in return, a call over the rate costs nothing
 * but the look at a map.
 */
export interface Calls {
  /** Counts a call. Throws `RequestError`, `rate_exceeded`, if it is one too many. */
  count(userId: string, rate: Rate, now: number): void
  /** The user has used up his rate, here and elsewhere: until that interval ends, no call of his is let through here. */
  exhaust(userId: string, rate: Rate, now: number): void
}

export function countCalls(): Calls {
  const counts = new Map<string, Count>()

  function currentOf(userId: string, rate: Rate, now: number): Count {
    const known = counts.get(userId)
    const interval = intervalAt(rate, now)
    if (known?.interval === interval) return known
    counts.delete(userId)
    const [oldest] = counts.keys()
    if (counts.size >= MAX_USERS && oldest !== undefined) counts.delete(oldest)
    const fresh = { interval, calls: 0 }
    counts.set(userId, fresh)
    return fresh
  }

  return {
    count: (userId, rate, now) => {
      const current = currentOf(userId, rate, now)
      if (current.calls >= rate.count) throw rateExceeded(rate, now)
      current.calls += 1
    },
    exhaust: (userId, rate, now) => {
      const known = counts.get(userId)
      // Meanwhile the next interval may have begun.
      if (known?.interval === intervalAt(rate, now)) known.calls = rate.count
    },
  }
}
