import type { RateLimit } from './policies.ts'

/** A slot is at least this far ahead, so that its request can be claimed before it. Then little is left that makes the call late. Milliseconds. */
export const MIN_LEAD_TIME_MS = 50

/** A worker waits at most this long for the slot of its call. For a later slot the message goes back to its queue. Milliseconds. */
export const MAX_SLOT_WAIT_MS = 1_500

/** Counts the calls that were allowed from a time on, for the width of a bucket. */
export interface Bucket {
  /** Epoch milliseconds. */
  readonly from: number
  readonly count: number
}

/**
 * The rate limit is a log of the last interval's calls in at most this many buckets. A burst passes at once, no interval ever
 * sees more than `count` calls, and the log stays small whatever `count` is. (GCRA keeps less, but is exact only without
 * bursts: with a burst of `b`, an interval may see `b` calls more. See docs/adr/0014.)
 */
const BUCKETS = 20

/** Up to this count, the log keeps each call at its own time. */
const EXACT_LOG_MAX = 24

const widthOf = ({ count, interval_ms }: RateLimit): number =>
  count <= EXACT_LOG_MAX ? 1 : Math.ceil(interval_ms / BUCKETS)

/**
 * How much later than its slot the endpoint may see a call, such that still no interval there sees more than `count` calls.
 * It is a tenth of a short interval, because it costs throughput, and a second of a long one. Milliseconds.
 */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, Math.ceil(interval_ms / 10))

/** A call that begins later than this after its slot must ask again. The rest of the slack is for the network. Milliseconds. */
export const toleranceOf = (limit: RateLimit): number => Math.floor((slackOf(limit) * 2) / 5)

/** Returns the longest time from one full round of `count` calls to the next. Milliseconds. */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + widthOf(limit)

/** Finds the first time, from `earliest` on, at which one more call keeps the limit, given all calls that were allowed before. */
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

/** How much of the limit is used: the calls of the last interval, and the first time at which another call may be made. */
export function usageOf(log: readonly Bucket[], now: number, limit: RateLimit): { used: number; next: number } {
  const earliest = now + MIN_LEAD_TIME_MS
  const next = nextSlot(log, earliest, limit)
  // The limit is used up when slots lie ahead. The log may have forgotten the calls before those slots.
  if (next > earliest) return { used: limit.count, next }
  const recent = log.filter(({ from }) => from + widthOf(limit) > now - limit.interval_ms)
  return { used: recent.reduce((sum, { count }) => sum + count, 0), next: now }
}
