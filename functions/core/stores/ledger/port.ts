import type { Priority } from '../../domain/ids.ts'
import type { Failure, RequestItem, Status, Usage } from '../../domain/item.ts'
import type { InferenceMessage, Payload, RefusedInput } from '../../domain/messages.ts'

/** The part of an item that the row of an erased request needs. */
export type ErasedItem = Pick<
  RequestItem,
  'request_id' | 'user_id' | 'model' | 'priority' | 'estimate' | 'run' | 'window' | 'created_at' | 'deadline'
>

/** One row of `requests`, with the fields of an event. Times are epoch milliseconds. */
export interface LedgerRow {
  readonly request_id: string
  readonly user_id: string
  readonly model: string
  readonly priority: Priority
  readonly prompt?: Payload | undefined
  readonly estimated_tokens: number
  readonly status: Exclude<Status, 'running'>
  readonly usage?: Usage | undefined
  /** In USD, if the model has a price. */
  readonly cost?: number | undefined
  readonly result?: Payload | undefined
  readonly error?: Failure | undefined
  readonly metadata?: Record<string, unknown> | undefined
  readonly run: number
  readonly attempts: number
  readonly quota_window: string
  readonly created_at: number
  readonly started_at?: number | undefined
  readonly completed_at?: number | undefined
  readonly deadline: number
}

/** One row of `dead_letters`: a message whose request could not be run, and the reason. */
export interface DeadLetter {
  /** A dead letter has the same id each time that it is reported. So a repeated event makes no second row. */
  readonly id: string
  readonly request_id?: string | undefined
  readonly model?: string | undefined
  readonly priority?: Priority | undefined
  readonly reason: string
  readonly attempts: number
  /** The message, or its text if it is unreadable. */
  readonly message?: InferenceMessage | RefusedInput | { readonly text: string } | undefined
  readonly at: number
}

/**
 * The things to record for one event: a row of the request, a dead letter, or both. Postgres records both or refuses
 * both.
 */
export interface Entry {
  readonly row?: LedgerRow
  readonly deadLetter?: DeadLetter | undefined
}

/** The entries that Postgres will never accept, so that a repetition would not help. All others are recorded. */
export interface Recorded {
  readonly refused: readonly { readonly entry: Entry; readonly reason: string }[]
}

/**
 * The record of every request and its outcome, in Postgres. The ledger follows the request items and decides nothing.
 */
export interface Ledger {
  /**
   * Records entries in one statement. A status only moves towards the end of its run, or to a higher run, so a late
   * event never overwrites a newer status. A field that the entry does not have never overwrites a value in the row. A
   * repetition changes nothing. If it rejects with `Unavailable` or `Defect`, it is not known whether anything was
   * recorded.
   */
  record(entries: readonly Entry[]): Promise<Recorded>

  /** Returns the result of a completed run, if it is recorded. */
  result(requestId: string, run: number): Promise<Payload | undefined>

  /** Returns the ids of those requests that are recorded as completed. */
  completed(requestIds: readonly string[]): Promise<ReadonlySet<string>>

  /**
   * Erases the prompt and the result of a request, and the messages of its dead letters. Events that are recorded later
   * do not bring them back. A repetition changes nothing. `now` is epoch milliseconds.
   */
  erase(item: ErasedItem, now: number): Promise<void>
}

/** The deletion of old rows. */
export interface LedgerRetention {
  /**
   * Deletes rows of requests that ended before a time (epoch milliseconds), and dead letters from before this time, at
   * most `atMost` of each. It never deletes a row whose request has not ended, or anything of the last 15 days. Returns
   * how many rows and dead letters it has deleted. Rejects with `Unavailable` if the service can't be reached.
   */
  deleteEnded(before: number, atMost: number): Promise<number>
}
