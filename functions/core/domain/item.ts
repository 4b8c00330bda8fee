import * as z from 'zod'
import { Priority, RequestId, UserId } from './ids.ts'

/**
 * The tokens that the model reported. The total is at least the sum of the other two counts, and the request is charged
 * the total. A count is absent if the model has not reported it.
 */
export const Usage = z.strictObject({
  prompt_tokens: z.int().nonnegative().optional(),
  completion_tokens: z.int().nonnegative().optional(),
  total_tokens: z.int().nonnegative(),
})
export type Usage = z.infer<typeof Usage>

/**
 * The reason why a request failed: a stable code and a sentence. The request's owner sees them, with the model's own
 * words.
 */
export const Failure = z.strictObject({
  code: z.string(),
  message: z.string(),
  /** The HTTP status of the model's answer, if there was one. */
  status: z.int().optional(),
  /** The model's own words, at most 500 characters. */
  detail: z.string().optional(),
})
export type Failure = z.infer<typeof Failure>

/** Returns the sentence of a failure with the model's own words, unless the sentence quotes them already. */
export const failureSentence = ({ message, detail }: Pick<Failure, 'message' | 'detail'>): string =>
  detail === undefined || message.includes(detail) ? message : `${message}: ${detail}`

/** The status of a request. `rejected` is a tombstone: the request was never accepted, and no client sees it. */
export const Status = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled', 'expired', 'rejected'])
export type Status = z.infer<typeof Status>

const TERMINAL: ReadonlySet<Status> = new Set(['completed', 'failed', 'cancelled', 'expired', 'rejected'])
export const isTerminal = (status: Status): boolean => TERMINAL.has(status)

/**
 * A reservation: the part of its user's quota that one run of a request holds until the reservation is settled or
 * released. `nonce` is the reservation's own id. Settle and release name the nonce, so that they close no other
 * reservation (rule 1 of docs/architecture.md). `holds_request` is false if an earlier run was already charged one
 * request. Then this run is charged only tokens (rule 3).
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

/** The fields that are the same in all runs of a request. */
export const Identity = z.strictObject({
  user_id: UserId,
  request_id: RequestId,
  model: z.string(),
  priority: Priority,
  /** The SHA-256 of the body, in hex. A worker does not run a message whose body differs from the item's (I5). */
  fingerprint: z.string(),
  /** Epoch milliseconds, like every time in items and messages. */
  created_at: z.int(),
  /** A request that is not started before this time expires. */
  deadline: z.int(),
})

export type Identity = z.infer<typeof Identity>

/** The charge of a run before a redrive, in the window and the shard that admitted that run. */
export const EarlierCharge = z.strictObject({
  window: z.string(),
  shard: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  /** Whether that run was charged one request in addition to the tokens. */
  request: z.boolean(),
  /** The cost of those tokens in USD, if the model has a `price`. */
  cost: z.number().nonnegative().optional(),
})
export type EarlierCharge = z.infer<typeof EarlierCharge>

/**
 * The request item. It alone decides the state of a request: Postgres and the quota follow it (docs/architecture.md).
 * The transition to a terminal state sets `charge`, which is the number of tokens to settle. If a terminal item has no
 * `charge`, its reservation is released, and the run is not charged.
 */
export const RequestItem = z.strictObject({
  ...Identity.shape,
  ...Reservation.shape,
  status: Status,
  attempt: z.int().nonnegative(),
  /** How many workers have crashed while they ran only this request. After `MAX_CRASHES` of them, the request fails. */
  crashes: z.int().nonnegative(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /**
   * The number of the next run. Each number is used only once, even if its redrive failed. Otherwise a reservation that
   * a failed redrive has left open could count for a later run.
   */
  next_run: z.int().positive(),
  /** The charges of earlier runs. An operator's redrive begins a new run, which has its own charge. */
  earlier: z.array(EarlierCharge).optional(),
  /** Whether the user has cancelled the request while it ran. */
  cancel_requested: z.boolean().optional(),
  /**
   * Whether a call of this run has reached the model, or may have reached it. From then on, the run is charged one
   * request.
   */
  reached: z.boolean().optional(),
  /**
   * A client may repeat a call whose request is still queued (a replay). `sent` is the run for which a replay has sent
   * a message that the queue has acknowledged. Later replays send no message, until a worker claims the request. This
   * field is no attribute of the stored item. It is read from the note in the field of the claim's id (`sentNoteOf`).
   */
  sent: z.int().positive().optional(),
  /** A retry does not begin before this time. */
  not_before: z.int().optional(),
  lease_until: z.int().optional(),
  /**
   * Whether the request's worker runs no other request at the same time. If so, a crash of the worker counts for the
   * request. This field is no attribute of the stored item. It is read from the id of the claim (`claimIdOf`).
   */
  alone: z.boolean().optional(),
  /**
   * Whether the request's worker was stopped together with the whole local system, and has not crashed. If so, the stop
   * does not count as a crash. This field is no attribute of the stored item. It is read from the note in the field of
   * the claim's id (`STOPPED`).
   */
  stopped: z.boolean().optional(),
  started_at: z.int().optional(),
  completed_at: z.int().optional(),
  usage: Usage.optional(),
  error: Failure.optional(),
  charge: z.int().nonnegative().optional(),
  /**
   * The context of the request's trace, in the form of W3C Trace Context. Set only if tracing is on, because version
   * 0.1.0 can't read an item with this field.
   */
  traceparent: z.string().optional(),
  /** The cost of the charge in USD. Set with the charge, if the model has a `price`. */
  cost: z.number().nonnegative().optional(),
  /**
   * Whether the request's owner has deleted the request. Then no client can see the request, and its prompt and its
   * result are erased.
   */
  erased: z.boolean().optional(),
  /**
   * The time at which DynamoDB may delete the item, in epoch seconds. Nothing may depend on the time of the deletion,
   * which may be some days late.
   */
  ttl: z.int(),
})
export type RequestItem = z.infer<typeof RequestItem>

/** Returns the reservation that is stored in an item or a message. */
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

/** Returns the fields of a message or an item that are the same in all runs of its request. */
export const identityOf = (of: Identity): Identity => ({
  user_id: of.user_id,
  request_id: of.request_id,
  model: of.model,
  priority: of.priority,
  fingerprint: of.fingerprint,
  created_at: of.created_at,
  deadline: of.deadline,
})

/** Returns the attributes of a message about a request. They make the message a part of the request's trace. */
export const traceAttributes = ({ traceparent }: Pick<RequestItem, 'traceparent'>) =>
  traceparent === undefined ? {} : { attributes: { traceparent } }
