import type { Reservation } from '../../domain/item.ts'
import type { Limits } from '../../domain/limits.ts'

/** A reservation that is still open, as its quota item keeps it. */
export interface OpenReservation {
  readonly reservation: Reservation
  /** When it was made, epoch milliseconds. */
  readonly at: number
}

/** One quota item: `tokens` is what was settled plus what is reserved, `requests` likewise. */
export interface Counters {
  readonly requests: number
  readonly tokens: number
  readonly open: readonly OpenReservation[]
}

export type Admission =
  /**
   * Admitted, now or by an earlier try: `reservation` is the one that is held, whose nonce may be another. `requests` and `tokens` are the counters
   * after it, known unless an earlier try made it.
   */
  | { readonly admitted: true; readonly reservation: Reservation; readonly used?: { requests: number; tokens: number } }
  /** Refused, by these counters; or, `over_rate`, because the user has made all the posts that the rate allows now. */
  | { readonly admitted: false; readonly counters: Counters; readonly over_rate?: boolean | undefined }

/** A reservation to close: settled at `charge` tokens, or, without a charge, released as if it had never been. */
export interface Closing {
  readonly reservation: Reservation
  readonly charge?: number | undefined
}

/** Every user's counters, exact under any concurrency. All methods reject with `Unavailable`. */
export interface Quota {
  /**
   * Holds `reservation.estimate` tokens and a request, and counts a post, if all of it fits into `limits`; repeated, it
   * changes nothing more. The rate is looked at first. What is refused is not counted.
   */
  reserve(reservation: Reservation, limits: Limits, now: number): Promise<Admission>
  /** Closes each reservation once; one that is closed already, or has another nonce, is left as it is. */
  close(closings: readonly Closing[]): Promise<void>
  /** The counters of one window and shard; zeros when nothing was admitted yet. */
  read(userId: string, window: string, shard: number): Promise<Counters>
  /** All open reservations made before a time (epoch milliseconds), of all users, in pages. */
  openBefore(time: number): AsyncIterable<readonly OpenReservation[]>
}
