/*
 * The AWS calls of one completed request, counted by `npm run bench` (test/bench/calls.ts). A test counts again and
 * compares the result with these numbers.
 */

/** The AWS calls of a step, and the capacity units of DynamoDB that they use. */
export interface StepCalls {
  readonly sends: number
  readonly statements: number
  readonly reads: number
  /** Writes of request items. An item has less than 1 KB without metadata, so each write is one unit. */
  readonly item_writes: number
  /** Writes of the user's quota item. Their units grow with the reservations that are open in it. */
  readonly quota_writes: number
}

const NONE: StepCalls = { sends: 0, statements: 0, reads: 0, item_writes: 0, quota_writes: 0 }

/** The gateway: reserve, write the item, send the message. */
export const ACCEPTED: StepCalls = { ...NONE, sends: 1, item_writes: 1, quota_writes: 1 }

/** The worker, with one message in an invocation: read the model's state, claim, send the outcome. */
export const WORKED: StepCalls = { ...NONE, sends: 1, reads: 1, item_writes: 1 }

/** The additional calls of a `rate_limit` for each call of the model: its log is read once more, and written. */
export const RATE_LIMITED = { reads: 1, writes: 1 }

/** The collector, for the outcome: decide, record, settle. */
export const SETTLED: StepCalls = { ...NONE, statements: 1, item_writes: 1, quota_writes: 1 }

/** The read units of a look of the sweeper at a request that goes on. The read is eventually consistent. */
export const LOOK_UNITS = 0.5

/** The reader, for a request that has not ended, and for one whose result is in the ledger. */
export const READ_QUEUED: StepCalls = { ...NONE, reads: 1 }
export const READ_COMPLETED: StepCalls = { ...NONE, reads: 1, statements: 1 }

/** The authorizer reads the key and its user. */
export const AUTHORIZED: StepCalls = { ...NONE, reads: 2 }

/** The calls of Lambda's mapping per invocation: it receives the messages, and deletes them. */
export const MAPPING_CALLS = 2

/** The size of a quota item: its counters, and each open reservation in it. Bytes. */
const QUOTA_ITEM_BYTES = 150
const OPEN_RESERVATION_BYTES = 70
const WRITE_UNIT_BYTES = 1_024

/** Returns the write units of one change of a quota item with `open` open reservations. */
export const quotaWriteUnits = (open: number): number =>
  Math.ceil((QUOTA_ITEM_BYTES + OPEN_RESERVATION_BYTES * open) / WRITE_UNIT_BYTES)
