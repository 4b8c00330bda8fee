import { isTerminal, type RequestItem, type Reservation } from '../../../../functions/core/domain/item.ts'
import { STALE_RESERVATION_MS } from '../../../../functions/core/domain/timing.ts'
import type { RecordedRequest } from '../../../../functions/core/stores/ledger/admin.ts'
import type { QuotaItem } from '../../../../functions/core/stores/quota/admin.ts'

/** The contents of the three stores, or a part of them. */
export interface Books {
  readonly quotas: readonly QuotaItem[]
  readonly items: readonly RequestItem[]
  readonly rows: readonly RecordedRequest[]
  /** Rows of requests that ended before this time may have been deleted, epoch milliseconds. Absent while all rows are kept. */
  readonly rows_deleted_before?: number | undefined
}

export type Kind =
  /** A counter that is not the sum of the charges and the reservations. */
  | 'requests'
  | 'tokens'
  /** A counter below zero. */
  | 'negative'
  /** A reservation that is open although no request waits or runs under it. */
  | 'reservation'
  /** A request that waits or runs without its reservation. The sweeper reads reservations, so it would not find this request. */
  | 'unreserved'
  /** A request without a row in Postgres, or with a different row. */
  | 'row'
  /** A row of a request that has no item. */
  | 'item'

/** One fact on which the stores do not agree. */
export interface Difference {
  readonly kind: Kind
  readonly where: string
  readonly expected: string | number
  readonly found: string | number
}

/**
 * The subject of a comparison: a quota item with all requests of its user, or one request, with its quota item if it
 * has one.
 */
export type Subject =
  | { readonly user_id: string; readonly request_id?: undefined; readonly quota: Place }
  | { readonly user_id: string; readonly request_id: string; readonly quota?: Place }
type Place = Pick<Reservation, 'window' | 'shard'>

/** A difference, with the subject that must be read again to confirm it. */
export type Suspect = Subject & { readonly difference: Difference }

type RequestOf = Pick<RequestItem, 'user_id' | 'request_id'>
export type QuotaOf = Pick<Reservation, 'user_id' | 'window' | 'shard'>

/** Returns whether a change is old enough to be in all stores. `now` is epoch milliseconds. */
export const isStale = (time: number, now: number): boolean => time <= now - STALE_RESERVATION_MS

export const hasEndedLongAgo = (item: RequestItem, now: number): boolean =>
  isTerminal(item.status) && isStale(item.completed_at ?? item.created_at, now)

export const requestKey = ({ user_id, request_id }: RequestOf): string => `${user_id} ${request_id}`

export const quotaKey = ({ user_id, window, shard }: QuotaOf): string => `${user_id} ${window} ${shard}`

/** Identifies a reservation. */
export const reservationKey = (r: Omit<Reservation, 'estimate' | 'holds_request'>): string =>
  `${quotaKey(r)} ${r.request_id}:${r.run} ${r.nonce}`

export const requestText = ({ user_id, request_id }: RequestOf): string => `request ${request_id} of ${user_id}`

export const quotaText = ({ user_id, window, shard }: QuotaOf): string =>
  `the quota of ${user_id} in ${window}${shard === 0 ? '' : `, shard ${shard}`}`
