import { STALE_RESERVATION_MS } from '../../functions/core/domain/timing.ts'
import { ANNOUNCED_FOR_MS, SENT_AT_ONCE } from '../../functions/sweeper/announce.ts'
import { SECONDS_PER_MONTH, SWEEPS_PER_MONTH } from './assumptions.ts'

/** The average work of the sweeper for one request that waits or runs for long. */
export interface Sweeps {
  /** How often it reads the item of the request. */
  readonly looks: number
  /** How often it tells the ledger about the request. */
  readonly announcements: number
}

/** Announcements per send. */
export const ANNOUNCEMENTS_PER_SEND = SENT_AT_ONCE

const BEGIN = STALE_RESERVATION_MS / 1_000
const ANNOUNCED_FOR = ANNOUNCED_FOR_MS / 1_000
const BETWEEN_SWEEPS = SECONDS_PER_MONTH / SWEEPS_PER_MONTH

/**
 * Returns the average number of sweeps for requests that are open for `shortest` to `longest` seconds, if all times in
 * between are equally frequent. A sweep reads a request that has been open for two minutes, and announces it in the
 * three minutes after that.
 */
export const sweepsOf = (shortest: number, longest: number): Sweeps => ({
  looks: mean(shortest, longest, Number.POSITIVE_INFINITY) / BETWEEN_SWEEPS,
  announcements: mean(shortest, longest, ANNOUNCED_FOR) / BETWEEN_SWEEPS,
})

/** Returns the average number of seconds for which a request is old enough for a sweep, and at most `most` of them. */
function mean(shortest: number, longest: number, most: number): number {
  const from = Math.max(0, shortest - BEGIN)
  const to = Math.max(0, longest - BEGIN)
  if (longest <= shortest) return Math.min(from, most)
  return (area(to, most) - area(from, most)) / (longest - shortest)
}

/** Returns the sum of the smaller one of `x` and `most`, for all `x` from 0 to `end`. */
function area(end: number, most: number): number {
  const bent = Math.min(end, most)
  return bent ** 2 / 2 + (end > most ? (end - most) * most : 0)
}
