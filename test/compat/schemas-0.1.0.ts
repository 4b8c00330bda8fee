/*
 * The schemas of messages and items of version 0.1.0 (commit 6427583), which refuses unknown fields. They are never changed. A message
 * or item that this version writes without a newer feature must pass these schemas, so that a deployment can be rolled back to 0.1.0.
 */
import * as z from 'zod'

/** The id of the user who owns a request and is charged for it. It has no `#`, so it can be a part of an item's key. */
export const UserId = z.string().regex(/^[A-Za-z0-9._@-]{1,128}$/, 'a user id has 1 to 128 of A-Z a-z 0-9 . _ @ -')

/** The id of a request, a UUIDv7. So ids sort by the time of their creation. */
export const RequestId = z.uuid()

export const Priority = z.enum(['high', 'normal'])
export type Priority = z.infer<typeof Priority>

/** The tokens that the model reported. */
export const Usage = z.strictObject({
  prompt_tokens: z.int().nonnegative(),
  completion_tokens: z.int().nonnegative(),
  total_tokens: z.int().nonnegative(),
})
export type Usage = z.infer<typeof Usage>

/** The reason of a failure: a code that does not change between versions, and a sentence. The owner of the request sees both. */
export const Failure = z.strictObject({ code: z.string(), message: z.string() })
export type Failure = z.infer<typeof Failure>

/** `rejected` is the status of a tombstone, i.e. the item of a request that was never accepted. No user sees it. */
export const Status = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled', 'expired', 'rejected'])
export type Status = z.infer<typeof Status>

const TERMINAL: ReadonlySet<Status> = new Set(['completed', 'failed', 'cancelled', 'expired', 'rejected'])
export const isTerminal = (status: Status): boolean => TERMINAL.has(status)

/**
 * The part of a user's quota that one run of a request holds until the reservation is settled or released.
 * `nonce` is the id of the reservation. Settle and release name it, so that they never close another reservation.
 * `holds_request` is false for a redrive if an earlier run was charged a request (rule 3).
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

/** The fields that are the same for all runs of a request. */
export const Identity = z.strictObject({
  user_id: UserId,
  request_id: RequestId,
  model: z.string(),
  priority: Priority,
  /** The SHA-256 of the body, in hex. A worker never runs a message whose fingerprint differs from the item's (I5). */
  fingerprint: z.string(),
  /** Epoch milliseconds, like every time in items and messages. */
  created_at: z.int(),
  /** A request that has not started by this time expires. */
  deadline: z.int(),
})

/** The tokens that an earlier run of a redriven request was charged, in the window and shard that admitted that run. */
export const EarlierCharge = z.strictObject({
  window: z.string(),
  shard: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  /** Whether that run was charged a request in addition to tokens. */
  request: z.boolean(),
})
export type EarlierCharge = z.infer<typeof EarlierCharge>

/**
 * The request item. It alone decides the state of a request. Postgres and the quota follow it.
 * The transition to a terminal state sets `charge`, the tokens to settle. If `charge` is missing, the reservation is released.
 */
export const RequestItem = z.strictObject({
  ...Identity.shape,
  ...Reservation.shape,
  status: Status,
  attempt: z.int().nonnegative(),
  crashes: z.int().nonnegative(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** The number of the next run. A number is used only once, even if its redrive did not start a run. */
  next_run: z.int().positive(),
  /** The charges of earlier runs. Each redrive begins a new run, which has a charge of its own. */
  earlier: z.array(EarlierCharge).optional(),
  /** Whether the owner has asked to cancel the running request. */
  cancel_requested: z.boolean().optional(),
  /** Whether a call of this run has reached the model or may have reached it. If so, the run is charged a request. */
  reached: z.boolean().optional(),
  /** The end of the backoff before a retry. */
  not_before: z.int().optional(),
  lease_until: z.int().optional(),
  started_at: z.int().optional(),
  completed_at: z.int().optional(),
  usage: Usage.optional(),
  error: Failure.optional(),
  charge: z.int().nonnegative().optional(),
  /** The time, in epoch seconds, after which DynamoDB deletes the item. Nothing depends on the exact time of the deletion. */
  ttl: z.int(),
})
export type RequestItem = z.infer<typeof RequestItem>

/** The reservation that the fields of a request item describe. */
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

/** A body or a result. It is in the message, or in S3 under a key if it is large (claim check). */
export const Payload = z.union([z.strictObject({ inline: z.unknown() }), z.strictObject({ key: z.string() })])
export type Payload = z.infer<typeof Payload>

/** Values that a delivery of a message stores for the next delivery. A new run begins without hints. */
export const Hints = z.strictObject({
  /** The request runs isolated, since it may have crashed a worker. */
  alone: z.boolean().optional(),
  /** The slot: the time at which the request may call the model. The rate limit has already counted this call. */
  turn: z.int().optional(),
  /** The request has waited in the backlog of the rate limit. */
  has_waited: z.boolean().optional(),
  /** The highest number of requests in the next call with this request, since a larger batch has failed. */
  at_most: z.int().positive().optional(),
})
export type Hints = z.infer<typeof Hints>

/**
 * Everything that a worker needs to run a request. The message also has the fields of the reservation. So a function that finds
 * the message without a request item can release the reservation.
 */
export const InferenceMessage = z.strictObject({
  v: z.literal(1),
  type: z.literal('inference'),
  ...Identity.shape,
  ...Reservation.shape,
  metadata: z.record(z.string(), z.unknown()).optional(),
  body: Payload,
  hints: Hints.optional(),
})
export type InferenceMessage = z.infer<typeof InferenceMessage>

/** The fields of a row in Postgres that no transition changes. Each event has them, since any event may be the first one. */
const Row = {
  ...Identity.shape,
  run: z.int().positive(),
  estimate: z.int().nonnegative(),
  window: z.string(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Missing if prompts are not stored, or if the sender of the event does not have the prompt. */
  prompt: Payload.optional(),
}

/** The gateway has admitted a request. This event may be lost, since each later event has the same fields. */
export const AcceptedEvent = z.strictObject({ v: z.literal(1), type: z.literal('accepted'), ...Row })
export type AcceptedEvent = z.infer<typeof AcceptedEvent>

/** The result or the failure of an attempt, from the worker that held the claim. It counts only if the request item accepts it (I7). */
export const OutcomeEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('outcome'),
  ...Row,
  attempt: z.int().positive(),
  status: z.enum(['completed', 'failed']),
  /** Whether an attempt has reached the model. A request that never reached the model is not charged. */
  reached: z.boolean(),
  started_at: z.int(),
  completed_at: z.int(),
  usage: Usage.optional(),
  result: Payload.optional(),
  error: Failure.optional(),
  /** Only for a failure: the message of the request, which is stored in the dead letter. */
  message: InferenceMessage.optional(),
})
export type OutcomeEvent = z.infer<typeof OutcomeEvent>

/** A request has ended without an outcome, for example as expired, cancelled or rejected. The request item already says so. */
export const EndedEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('ended'),
  ...Row,
  status: Status.exclude(['queued', 'running', 'completed']),
  attempt: z.int().nonnegative(),
  completed_at: z.int(),
  started_at: z.int().optional(),
  usage: Usage.optional(),
  error: Failure.optional(),
  /** Only for a failure, if the sender has it: the message of the request, which is stored in the dead letter. */
  message: InferenceMessage.optional(),
})
export type EndedEvent = z.infer<typeof EndedEvent>

/** A message that a function could not read. It becomes a dead letter, and is not retried (I10). */
export const UnreadableEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('unreadable'),
  /** The id of the message in its queue. */
  message_id: z.string(),
  /** The beginning of the message, or the whole message if it is short. */
  text: z.string(),
  at: z.int(),
})
export type UnreadableEvent = z.infer<typeof UnreadableEvent>

/** A refused message of an input queue, in the form in which its dead letter stores it. */
export const RefusedInput = z.strictObject({
  queue: z.string(),
  /** The id of the message in its queue. */
  message_id: z.string(),
  /** The unchanged text of the message. */
  body: Payload,
  /** The body of the answer that the same request would have got as a POST. */
  refusal: z.looseObject({ error: z.string(), status: z.literal('error'), code: z.string() }),
})
export type RefusedInput = z.infer<typeof RefusedInput>

/** A message of an input queue was refused. The refusal is final, and the message becomes a dead letter (I10). */
export const RefusedEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('refused'),
  input: RefusedInput,
  at: z.int(),
})
export type RefusedEvent = z.infer<typeof RefusedEvent>

export const ResultEvent = z.discriminatedUnion('type', [
  AcceptedEvent,
  OutcomeEvent,
  EndedEvent,
  UnreadableEvent,
  RefusedEvent,
])
export type ResultEvent = z.infer<typeof ResultEvent>

/** Each kind of message in the queues that the collector reads. */
export const AnyMessage = z.discriminatedUnion('type', [InferenceMessage, ...ResultEvent.options])

/** The limits that an operator has set for one user. They replace the limits of the plan. */
export const Overrides = z.strictObject({
  requests: z.int().positive().optional(),
  tokens: z.int().positive().optional(),
  in_flight: z.int().positive().optional(),
})
export type Overrides = z.infer<typeof Overrides>

/** An API key as it is stored. Times are epoch milliseconds. */
export const KeyRecord = z.strictObject({
  key_id: z.string(),
  /** The SHA-256 of the key, in hex. */
  hash: z.string(),
  user_id: UserId,
  created_at: z.int(),
  expires_at: z.int().optional(),
  revoked_at: z.int().optional(),
})
export type KeyRecord = z.infer<typeof KeyRecord>

export const UserRecord = z.strictObject({
  user_id: UserId,
  plan: z.string(),
  overrides: Overrides,
})
export type UserRecord = z.infer<typeof UserRecord>

const Time = z.int()

/** The state of a model, which all its workers share (the model's item). All times are epoch milliseconds. */
export const GuardState = z.strictObject({
  /** The number of writes. Each write replaces the version before it. */
  version: z.int().nonnegative(),
  /** The id of the write that wrote this version. A worker whose write got no answer recognizes its write by this id. */
  writer: z.string(),
  paused_until: Time.optional(),
  failures: z.array(Time),
  open: z.strictObject({ until: Time, times: z.int().positive() }).optional(),
  probe: z.strictObject({ id: z.string(), since: Time, until: Time }).optional(),
  /** The recent calls, which the rate limit counts. */
  calls: z.array(z.strictObject({ from: Time, count: z.int().positive() })),
  /** The backlog of the rate limit. An older item has no `heard`, and such a backlog counts as ended. */
  line: z.strictObject({ turn: Time, taken: z.int().positive(), heard: Time.default(0) }).optional(),
})
export type GuardState = z.infer<typeof GuardState>

export const UNTOUCHED: GuardState = { version: 0, writer: '', failures: [], calls: [] }
