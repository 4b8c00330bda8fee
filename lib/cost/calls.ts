/*
 * The AWS calls that one completed request makes in each step. `npm run bench` counts them (test/bench/calls.ts). A test
 * counts them again, and fails if the code makes other calls than these numbers say.
 */

/** The AWS calls of a step, and the capacity units of DynamoDB that they use. */
export interface StepCalls {
  /** Calls to SQS that send a message. */
  readonly sends: number
  /** SQL statements in Postgres. */
  readonly statements: number
  /** Reads in DynamoDB, in read units. */
  readonly reads: number
  /** Writes of request items. Without metadata of the client, an item has less than 1 KB. So each write costs one write unit. */
  readonly item_writes: number
  /** Writes of the user's quota item. The item grows with each open reservation, so a write may cost several write units. */
  readonly quota_writes: number
}

const NONE: StepCalls = { sends: 0, statements: 0, reads: 0, item_writes: 0, quota_writes: 0 }

/** The gateway: reserve, write the item, send the message. */
export const ACCEPTED: StepCalls = { ...NONE, sends: 1, item_writes: 1, quota_writes: 1 }

/** The worker, with one message in an invocation: read the model's state, claim, send the outcome. */
export const WORKED: StepCalls = { ...NONE, sends: 1, reads: 1, item_writes: 1 }

/** The additional calls for each call to a model with `rate_limit`: the model's state is read once more, and is written. */
export const RATE_LIMITED = { reads: 1, writes: 1 }

/** The collector, for the outcome: decide, record, settle. */
export const SETTLED: StepCalls = { ...NONE, statements: 1, item_writes: 1, quota_writes: 1 }

/**
 * The read units of a look of the sweeper at a request that goes on. The read is eventually consistent, so it costs
 * half a unit.
 */
export const LOOK_UNITS = 0.5

/** The reader, for one GET of a request: `READ_QUEUED` if the request has not ended, and `READ_COMPLETED` if its result is in the ledger. */
export const READ_QUEUED: StepCalls = { ...NONE, reads: 1 }
export const READ_COMPLETED: StepCalls = { ...NONE, reads: 1, statements: 1 }

/** The authorizer, for a key that it does not remember: it reads the key and the key's user. */
export const AUTHORIZED: StepCalls = { ...NONE, reads: 2 }

/** The calls to SQS that an event source mapping of Lambda makes per invocation: one receives the messages, and one deletes them. */
export const MAPPING_CALLS = 2

/** The size of a quota item without open reservations, and the additional size for each open reservation. Bytes. */
const QUOTA_ITEM_BYTES = 150
const OPEN_RESERVATION_BYTES = 70
const WRITE_UNIT_BYTES = 1_024

/** Returns the write units of one change of a quota item with `open` open reservations. */
export const quotaWriteUnits = (open: number): number =>
  Math.ceil((QUOTA_ITEM_BYTES + OPEN_RESERVATION_BYTES * open) / WRITE_UNIT_BYTES)
