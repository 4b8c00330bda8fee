import type { RateLimit } from './policies.ts'

/**
 * The shortest time from the grant of a slot to the slot, i.e. to the time at which one call may begin. In this time
 * the worker claims the request, so that the call is rarely late for its slot. Milliseconds.
 */
export const MIN_LEAD_TIME_MS = 50

/**
 * The longest time that a worker waits for the slot of its call. If the slot is later, the worker defers the message
 * instead, because Lambda bills the time of a wait. Milliseconds.
 */
export const MAX_SLOT_WAIT_MS = 1_500

/**
 * One bucket of the rate limit's log: the number of calls that were allowed in a short time, which begins at `from`.
 */
export interface Bucket {
  /** Epoch milliseconds. */
  readonly from: number
  readonly count: number
}

/**
 * The most buckets in the log of the last interval's calls. With this log, a burst passes at once, and no interval ever
 * has more than `count` calls. The log stays under 1 KB, whatever `count` is, so that a write of the state costs one
 * write unit. GCRA, a usual algorithm for rate limits, stores less. But it is exact only without bursts: with a burst
 * of `b` calls, an interval may have `b` calls too many (docs/adr/0014).
 */
const BUCKETS = 20

/**
 * The largest `count` for which the log has each call at its own time, without buckets. Such a log is small enough, and
 * the model gets all calls that the limit allows.
 */
const EXACT_LOG_MAX = 24

const widthOf = ({ count, interval_ms }: RateLimit): number =>
  count <= EXACT_LOG_MAX ? 1 : Math.ceil(interval_ms / BUCKETS)

/**
 * Returns the slack: the longest time from a slot to the arrival of its call at the endpoint, in milliseconds. The log
 * counts each call for longer than the interval, by the slack. So a call that arrives within the slack makes no
 * interval at the endpoint exceed `count` calls. The slack reduces the throughput. So it is only a tenth of the
 * interval, and at most one second.
 */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, Math.ceil(interval_ms / 10))

/**
 * Returns the longest time from a slot to the beginning of its call, in milliseconds. If the call is later, it must ask
 * for another slot. This time is two fifths of the slack. The rest of the slack is for the network.
 */
export const toleranceOf = (limit: RateLimit): number => Math.floor((slackOf(limit) * 2) / 5)

/**
 * Returns the length of a round in milliseconds: the longest time from the first of `count` calls to the first of the
 * next `count` calls.
 */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + widthOf(limit)

/**
 * Finds the first time from `earliest` on at which one more call does not exceed the limit. The log has the calls that
 * were allowed before.
 */
export function nextSlot(log: readonly Bucket[], earliest: number, limit: RateLimit): number {
  const [width, span] = [widthOf(limit), limit.interval_ms + slackOf(limit)]
  // Slots are given in order of time. So only the intervals that end with the new slot can exceed the limit.
  const from = Math.max(earliest, log.at(-1)?.from ?? earliest)
  const counted = log.filter(bucket => bucket.from + width > from - span)
  let excess = counted.reduce((sum, { count }) => sum + count, 0) - limit.count
  for (const bucket of counted) {
    if (excess < 0) return from
    excess -= bucket.count
    if (excess < 0) return bucket.from + width + span
  }
  return from
}

/** Adds a call to the log, at a time that `nextSlot` gave. */
export function withSlot(log: readonly Bucket[], at: number, limit: RateLimit): Bucket[] {
  const [width, span] = [widthOf(limit), limit.interval_ms + slackOf(limit)]
  const from = Math.floor(at / width) * width
  // The next slot may be as early as the start of this bucket. The log keeps every call that still counts at that time.
  const kept = log.filter(bucket => bucket.from !== from && bucket.from + width > from - span)
  const count = 1 + (log.find(bucket => bucket.from === from)?.count ?? 0)
  return [...kept, { from, count }]
}

/**
 * Returns how much of the limit is used: the number of calls in the last interval, and the first time at which another
 * call may be made.
 */
export function usageOf(log: readonly Bucket[], now: number, limit: RateLimit): { used: number; next: number } {
  const earliest = now + MIN_LEAD_TIME_MS
  const next = nextSlot(log, earliest, limit)
  // If the next slot is later than now, the limit is used up. The calls of the last interval can't be counted then:
  // when later slots were granted, the log may have dropped earlier calls.
  if (next > earliest) return { used: limit.count, next }
  const recent = log.filter(({ from }) => from + widthOf(limit) > now - limit.interval_ms)
  return { used: recent.reduce((sum, { count }) => sum + count, 0), next: now }
}
