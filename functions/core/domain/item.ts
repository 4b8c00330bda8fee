import * as z from 'zod'
import { Priority, RequestId, UserId } from './ids.ts'

/** Tokens as the model reported them. The total is at least the sum of the two counts, and is what is charged. */
export const Usage = z.strictObject({
  prompt_tokens: z.int().nonnegative().optional(),
  completion_tokens: z.int().nonnegative().optional(),
  total_tokens: z.int().nonnegative(),
})
export type Usage = z.infer<typeof Usage>

/** Why a request failed: a stable code and a sentence, shown to its owner with what the model said. */
export const Failure = z.strictObject({
  code: z.string(),
  message: z.string(),
  /** The HTTP status of the model's answer, if there was one. */
  status: z.int().optional(),
  /** The model's own words, at most 500 characters. */
  detail: z.string().optional(),
})
export type Failure = z.infer<typeof Failure>

/** `rejected` is a tombstone: the request was never accepted, and nobody is shown it. */
export const Status = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled', 'expired', 'rejected'])
export type Status = z.infer<typeof Status>

const TERMINAL: ReadonlySet<Status> = new Set(['completed', 'failed', 'cancelled', 'expired', 'rejected'])
export const isTerminal = (status: Status): boolean => TERMINAL.has(status)

/**
 * A reservation: what one run of a request holds of its user's quota until it is settled or released.
 * `nonce` is the reservation's own id. Settle and release name it, so that they close no other reservation (rule 1 of
 * docs/architecture.md). `holds_request` is false if an earlier run was charged the request already (rule 3).
 */
export const Reservation = z.strictObject({
  user_id: UserId,
  request_id: RequestId,
  run: z.int().positive(),
  window: z.string(),
  shard: z.int().nonnegative(),
  nonce: z.string(),
  estimate: z.int().nonnegative(),
  holds_request: z.boolean(),
})
export type Reservation = z.infer<typeof Reservation>

/** What stays the same for all runs of a request. */
export const Identity = z.strictObject({
  user_id: UserId,
  request_id: RequestId,
  model: z.string(),
  priority: Priority,
  /** The SHA-256 of the body, in hex. A worker does not run a message whose body differs from the item's (I5). */
  fingerprint: z.string(),
  /** Epoch milliseconds, like every time in items and messages. */
  created_at: z.int(),
  /** A request not started by then expires. */
  deadline: z.int(),
})

export type Identity = z.infer<typeof Identity>

/** The tokens that a run before a redrive was charged, in the window and shard that had admitted it. */
export const EarlierCharge = z.strictObject({
  window: z.string(),
  shard: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  /** Whether that run was charged the request itself, too. */
  request: z.boolean(),
  /** What those tokens cost in USD, where the model has a `price`. */
  cost: z.number().nonnegative().optional(),
})
export type EarlierCharge = z.infer<typeof EarlierCharge>

/**
 * The request item. It alone decides the state of a request: Postgres and the quota follow it (docs/architecture.md).
 * `charge` is set by the transition to a terminal state: the tokens to settle; without it the reservation is released.
 */
export const RequestItem = z.strictObject({
  ...Identity.shape,
  ...Reservation.shape,
  status: Status,
  attempt: z.int().nonnegative(),
  /** How many workers have stopped while they ran this request and no other. */
  crashes: z.int().nonnegative(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** The next number of a run: a number is used once, even if its redrive came to nothing. */
  next_run: z.int().positive(),
  /** What earlier runs were charged: an operator's redrive begins a new run with a charge of its own. */
  earlier: z.array(EarlierCharge).optional(),
  /** The user has cancelled the request while it ran. */
  cancel_requested: z.boolean().optional(),
  /** A call of this run has reached the model, or may have: from then on the run is charged a request. */
  reached: z.boolean().optional(),
  /**
   * The run of which the queue has acknowledged a message that a replay sent: the next replay sends none, until a worker claims the
   * request. Told from what is in the place of the claim's id; no attribute of its own.
   */
  sent: z.int().positive().optional(),
  /** A retry waits until then. */
  not_before: z.int().optional(),
  lease_until: z.int().optional(),
  /** Its worker runs no other request at the same time. Told from the id of the claim; no attribute of its own. */
  alone: z.boolean().optional(),
  /** Its worker was stopped with the whole local system, and has not crashed. Told from what is in the place of the claim's id, too. */
  stopped: z.boolean().optional(),
  started_at: z.int().optional(),
  completed_at: z.int().optional(),
  usage: Usage.optional(),
  error: Failure.optional(),
  charge: z.int().nonnegative().optional(),
  /**
   * The context of the request's trace, as W3C Trace Context has it. There only where tracing is on, since 0.1.0 can't read an item that
   * has it.
   */
  traceparent: z.string().optional(),
  /** What the charge costs in USD. Set with the charge where the model has a `price`. */
  cost: z.number().nonnegative().optional(),
  /** Its owner has deleted it: nobody is shown it any more, and its prompt and its result are erased. */
  erased: z.boolean().optional(),
  /** Epoch seconds, for DynamoDB's clean-up only: nothing may depend on when it deletes. */
  ttl: z.int(),
})
export type RequestItem = z.infer<typeof RequestItem>

/** Returns the reservation that an item says is its own. */
export const reservationOf = (item: Reservation): Reservation => ({
  user_id: item.user_id,
  request_id: item.request_id,
  run: item.run,
  window: item.window,
  shard: item.shard,
  nonce: item.nonce,
  estimate: item.estimate,
  holds_request: item.holds_request,
})

/** What a message or an item says of its request, for all runs. */
export const identityOf = (of: Identity): Identity => ({
  user_id: of.user_id,
  request_id: of.request_id,
  model: of.model,
  priority: of.priority,
  fingerprint: of.fingerprint,
  created_at: of.created_at,
  deadline: of.deadline,
})

/** What a message about a request carries, so that it belongs to the request's trace. */
export const traceAttributes = ({ traceparent }: Pick<RequestItem, 'traceparent'>) =>
  traceparent === undefined ? {} : { attributes: { traceparent } }
