import type { RateLimit } from './policies.ts'

/**
 * The shortest time from now to a slot, so that the worker can claim the request before the slot. Then hardly anything
 * can make the call late. Milliseconds.
 */
export const MIN_LEAD_TIME_MS = 50

/**
 * The longest time that a worker waits for the slot of its call. For a later slot, the message goes back to its queue.
 * Milliseconds.
 */
export const MAX_SLOT_WAIT_MS = 1_500

/** The number of calls that were allowed within one bucket, which begins at `from`. */
export interface Bucket {
  /** Epoch milliseconds. */
  readonly from: number
  readonly count: number
}

/**
 * The most buckets in the log of the last interval's calls. With this log, a burst passes at once, no interval ever has
 * more than `count` calls, and the log stays small for each `count`. (GCRA stores less, but is exact only without
 * bursts. With a burst of `b`, an interval may have `b` more calls. See docs/adr/0014.)
 */
const BUCKETS = 20

/** The largest `count` for which the log has each call at its own time, without buckets. */
const EXACT_LOG_MAX = 24

const widthOf = ({ count, interval_ms }: RateLimit): number =>
  count <= EXACT_LOG_MAX ? 1 : Math.ceil(interval_ms / BUCKETS)

/**
 * Returns the time in milliseconds by which a call may reach the endpoint after its slot, so that still no interval
 * there has more than `count` calls. This time reduces the throughput, so it is a tenth of a short interval, and a
 * second of a long one.
 */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, Math.ceil(interval_ms / 10))

/**
 * Returns the time in milliseconds by which a call may begin after its slot. If it is later, it must ask again. The
 * rest of the slack is for the network.
 */
export const toleranceOf = (limit: RateLimit): number => Math.floor((slackOf(limit) * 2) / 5)

/** Returns the longest time from one full round of `count` calls to the next. Milliseconds. */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + widthOf(limit)

/**
 * Finds the first time from `earliest` on at which one more call does not exceed the limit, given all calls that were
 * allowed before.
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
  // If the next slot is later than now, the limit is used up. The log may no longer have the calls before the slots
  // that were given.
  if (next > earliest) return { used: limit.count, next }
  const recent = log.filter(({ from }) => from + widthOf(limit) > now - limit.interval_ms)
  return { used: recent.reduce((sum, { count }) => sum + count, 0), next: now }
}
