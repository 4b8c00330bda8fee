import type { RateLimit } from './policies.ts'

/** Turns are given so long ahead at least, for the request to be claimed before: then hardly anything is left to be late. Milliseconds. */
export const LEAD_MS = 50

/** A worker waits so long for the turn of its call; for a later one, its message goes back to the queue. Milliseconds. */
export const SOON_MS = 1_500

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

/** So few calls are kept each at its own time. */
const FEW = 24

const widthOf = ({ count, interval_ms }: RateLimit): number => (count <= FEW ? 1 : Math.ceil(interval_ms / BUCKETS))

/**
 * How much later than its time a call may be seen by the endpoint, without an interval there seeing more than `count`:
 * a part of the interval for short ones, where it costs throughput, and a second for long ones. Milliseconds.
 */
const slackOf = ({ interval_ms }: RateLimit): number => Math.min(1_000, Math.ceil(interval_ms / 10))

/** A call that has not begun so long after its time must ask anew; the rest of the slack is the network's. Milliseconds. */
export const toleranceOf = (limit: RateLimit): number => Math.floor((slackOf(limit) * 2) / 5)

/** How far apart full rounds of `count` calls are, at most. Milliseconds. */
export const roundOf = (limit: RateLimit): number => limit.interval_ms + slackOf(limit) + widthOf(limit)

/** The first time from `earliest` on at which one more call keeps the limit, given all that were allowed before. */
export function nextTurn(log: readonly Bucket[], earliest: number, limit: RateLimit): number {
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

/** The log with one more call, at a time that `nextTurn` gave. */
export function withTurn(log: readonly Bucket[], at: number, limit: RateLimit): Bucket[] {
  const [width, span] = [widthOf(limit), limit.interval_ms + slackOf(limit)]
  const from = Math.floor(at / width) * width
  // The next turn may be as early as this bucket begins: what counts then is kept.
  const kept = log.filter(bucket => bucket.from !== from && bucket.from + width > from - span)
  const count = 1 + (log.find(bucket => bucket.from === from)?.count ?? 0)
  return [...kept, { from, count }]
}

/** How much of the limit is used up: the calls of the last interval, and the first time at which another may be made. */
export function usageOf(log: readonly Bucket[], now: number, limit: RateLimit): { used: number; next: number } {
  const earliest = now + LEAD_MS
  const next = nextTurn(log, earliest, limit)
  // With turns given ahead there is no room now, and the log may have forgotten what came before them.
  if (next > earliest) return { used: limit.count, next }
  const recent = log.filter(({ from }) => from + widthOf(limit) > now - limit.interval_ms)
  return { used: recent.reduce((sum, { count }) => sum + count, 0), next: now }
}
