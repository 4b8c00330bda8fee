import type { Reservation } from '../../domain/item.ts'
import type { Limits } from '../../domain/limits.ts'

/** An open reservation in its quota item. */
export interface OpenReservation {
  readonly reservation: Reservation
  /** The time at which it was made, in epoch milliseconds. */
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
   * Admitted, now or by an earlier try. `reservation` is the stored reservation. Its nonce may differ from the one in
   * the call. `used` has the counters afterwards. It is absent if an earlier try made the reservation. `in_flight` is
   * there only if the quota counts open reservations.
   */
  | {
      readonly admitted: true
      readonly reservation: Reservation
      readonly used?: { readonly requests: number; readonly tokens: number; readonly in_flight?: number | undefined }
    }
  /**
   * Refused because of these counters, or, with `over_rate`, because the user has made all posts that the rate allows
   * in this interval.
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
   * Reserves `reservation.estimate` tokens and a request, and counts a post, if all of it fits into `limits`. A
   * repetition changes nothing. The rate is checked first. A refused post is not counted.
   */
  reserve(reservation: Reservation, limits: Limits, now: number): Promise<Admission>
  /** Closes each reservation once. A reservation that is already closed, or has another nonce, is not changed. */
  close(closings: readonly Closing[]): Promise<void>
  /** Returns the counters of one window and shard. They are zero if nothing was admitted yet. */
  read(userId: string, window: string, shard: number): Promise<Counters>
  /** Returns the open reservations of all users that were made before a time (epoch milliseconds), in pages. */
  openBefore(time: number): AsyncIterable<readonly OpenReservation[]>
}
