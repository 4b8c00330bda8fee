import { STALE_RESERVATION_MS } from '../../functions/core/domain/timing.ts'
import { ANNOUNCED_FOR_MS, SENT_AT_ONCE } from '../../functions/sweeper/announce.ts'
import { SECONDS_PER_MONTH, SWEEPS_PER_MONTH } from './assumptions.ts'

/** The average work of the sweeper for one request. It is 0 for a request that is open for less than two minutes. */
export interface Sweeps {
  /** How often the sweeper reads the item of the request. */
  readonly looks: number
  /** How often the sweeper sends the event `accepted` for the request, so that the collector writes the request's row in the ledger. */
  readonly announcements: number
}

/** The number of announcements (`accepted` events) that one call to SQS sends. */
export const ANNOUNCEMENTS_PER_SEND = SENT_AT_ONCE

const BEGIN = STALE_RESERVATION_MS / 1_000
const ANNOUNCED_FOR = ANNOUNCED_FOR_MS / 1_000
const BETWEEN_SWEEPS = SECONDS_PER_MONTH / SWEEPS_PER_MONTH

/**
 * Returns the average work for requests that are open for `shortest` to `longest` seconds, if all times in between are
 * equally frequent. Each sweep reads the requests that have been open for two minutes or longer. In the three minutes
 * after these two minutes, it also announces them, i.e. sends the event `accepted` for each.
 */
export const sweepsOf = (shortest: number, longest: number): Sweeps => ({
  looks: mean(shortest, longest, Number.POSITIVE_INFINITY) / BETWEEN_SWEEPS,
  announcements: mean(shortest, longest, ANNOUNCED_FOR) / BETWEEN_SWEEPS,
})

/** Returns the average number of seconds for which a request is old enough for a sweep. For each request, at most `most` seconds count. */
function mean(shortest: number, longest: number, most: number): number {
  const from = Math.max(0, shortest - BEGIN)
  const to = Math.max(0, longest - BEGIN)
  if (longest <= shortest) return Math.min(from, most)
  return (area(to, most) - area(from, most)) / (longest - shortest)
}

/** Returns the integral of min(x, most) for x from 0 to `end`. */
function area(end: number, most: number): number {
  const bent = Math.min(end, most)
  return bent ** 2 / 2 + (end > most ? (end - most) * most : 0)
}
