import type { RateLimit } from './policies.ts'

/** Calls that were allowed from a time on, for the width of a bucket. */
export interface Bucket {
  /** Epoch milliseconds. */
  readonly from: number
  readonly count: number
}

/**
 * The rate limit is a log of the last interval's calls, in a few buckets: a burst passes at once, no interval ever sees
 * more than `count`, and the log stays small, whatever `count` is. (GCRA keeps less, but is exact only without bursts:
 * with one of `b`, an interval may see `b` calls more; docs/adr/0014.)
 */
const BUCKETS = 20

const widthOf = ({ interval_ms }: RateLimit): number => Math.ceil(interval_ms / BUCKETS)

/**
 * How much later than its time a call may be seen by the endpoint, without an interval there seeing more than `count`:
 * a part of the interval for short ones, where it costs throughput, and a second for long ones. Milliseconds.
 */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, Math.max(100, Math.ceil(interval_ms / 8)))

/** A call that has not begun so long after its time must ask anew; the rest of the slack is the network's. Milliseconds. */
export const toleranceOf = (limit: RateLimit): number => Math.floor((slackOf(limit) * 2) / 3)

/** The first time from `earliest` on at which one more call keeps the limit, given all that were allowed before. */
function nextTurn(log: readonly Bucket[], earliest: number, limit: RateLimit): number {
  const [width, span] = [widthOf(limit), limit.interval_ms + slackOf(limit)]
  // Turns are given in their order: so only intervals that end with the new one need a look.
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

function withCall(log: readonly Bucket[], at: number, limit: RateLimit): Bucket[] {
  const [width, span] = [widthOf(limit), limit.interval_ms + slackOf(limit)]
  const from = Math.floor(at / width) * width
  // The next turn may be as early as this bucket begins: what counts then is kept.
  const kept = log.filter(bucket => bucket.from !== from && bucket.from + width > from - span)
  const count = 1 + (log.find(bucket => bucket.from === from)?.count ?? 0)
  return [...kept, { from, count }]
}

/** Gives a call the next turn there is, now or later (epoch milliseconds), and notes it in the log. */
export function takeTurn(log: readonly Bucket[], now: number, limit: RateLimit): { at: number; log: Bucket[] } {
  const at = nextTurn(log, now, limit)
  return { at, log: withCall(log, at, limit) }
}
