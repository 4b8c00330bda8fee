import type { Reservation } from '../../domain/item.ts'
import type { Limits } from '../../domain/limits.ts'

/** An open reservation in its quota item. */
export interface OpenReservation {
  readonly reservation: Reservation
  /** The time at which the reservation was made, in epoch milliseconds. */
  readonly at: number
}

/**
 * The counters of one quota item. `tokens` is the sum of settled and reserved tokens, and `requests` the sum of settled
 * and reserved requests.
 */
export interface Counters {
  readonly requests: number
  readonly tokens: number
  readonly open: readonly OpenReservation[]
}

export type Admission =
  /**
   * The request is admitted, by this try or by an earlier one. `reservation` is the stored reservation. If an earlier
   * try made it, its nonce may differ from the nonce in this call, and `used` is absent. `used` has the counters after
   * the write. `in_flight` is present only if the quota counts open reservations.
   */
  | {
      readonly admitted: true
      readonly reservation: Reservation
      readonly used?: { readonly requests: number; readonly tokens: number; readonly in_flight?: number | undefined }
    }
  /**
   * The request is refused because of these counters. With `over_rate`, it is refused because the user has made all
   * POSTs that the rate allows in this interval.
   */
  | { readonly admitted: false; readonly counters: Counters; readonly over_rate?: boolean | undefined }

/**
 * A reservation to close. With `charge`, it is settled with this number of tokens. Without a charge, it is released, as
 * if it had never been made.
 */
export interface Closing {
  readonly reservation: Reservation
  readonly charge?: number | undefined
}

/** The counters of all users, exact under any concurrency. All methods reject with `Unavailable`. */
export interface Quota {
  /**
   * Reserves `reservation.estimate` tokens and a request, and counts a POST, if all of them fit into `limits`. A
   * repetition changes nothing. The rate is checked before the other limits. A refused POST is not counted, so it uses
   * up nothing of the rate.
   */
  reserve(reservation: Reservation, limits: Limits, now: number): Promise<Admission>
  /**
   * Closes each reservation once. A reservation that is already closed, or has another nonce, is not changed, so that
   * no run is charged twice.
   */
  close(closings: readonly Closing[]): Promise<void>
  /** Returns the counters of one window and shard. They are zero if nothing was admitted yet. */
  read(userId: string, window: string, shard: number): Promise<Counters>
  /** Returns the open reservations of all users that were made before a time (epoch milliseconds), in pages. */
  openBefore(time: number): AsyncIterable<readonly OpenReservation[]>
}
