import { intervalAt, type Rate } from '../domain/rate.ts'
import { rateExceeded } from '../domain/rate-exceeded.ts'

/**
 * The most users whose calls are counted at the same time. If there are more, the oldest count is forgotten, so that
 * the memory is limited. The calls of its user are then counted from zero.
 */
const MAX_USERS = 10_000

interface Count {
  readonly interval: number
  calls: number
}

/**
 * Counts the calls of each user in the current interval of the user's rate. Each environment of a function (a process
 * in which Lambda runs it) counts only its own calls. So a user may make as many calls as the rate allows in each
 * environment. In return, a call over the rate is refused with a look into the memory, without a call of a store.
 */
export interface Calls {
  /**
   * Counts a call. Throws a `RequestError` with `rate_exceeded` if the user has made more calls than the rate allows.
   */
  count(userId: string, rate: Rate, now: number): void
  /**
   * Notes that the user has used up the rate, counted over all environments. Until the interval ends, `count` refuses
   * all calls of the user.
   */
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
      // If the next interval has begun meanwhile, the user may make calls again.
      if (known?.interval === intervalAt(rate, now)) known.calls = rate.count
    },
  }
}
