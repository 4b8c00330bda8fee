/*
 * The schemas of messages and items of version 0.1.0 (commit 6427583), which parses strictly. This file is frozen. A message or item
 * that this version writes without a newer feature must pass these schemas, so that a deployment can be rolled back.
 */
import * as z from 'zod'

/** Who a request belongs to and is charged to. Has no `#`, so it can be part of a key. */
export const UserId = z.string().regex(/^[A-Za-z0-9._@-]{1,128}$/, 'a user id has 1 to 128 of A-Z a-z 0-9 . _ @ -')

/** A request's id, a UUIDv7: ids sort by the time of their creation. */
export const RequestId = z.uuid()

export const Priority = z.enum(['high', 'normal'])
export type Priority = z.infer<typeof Priority>

/** Tokens as the model reported them. */
export const Usage = z.strictObject({
  prompt_tokens: z.int().nonnegative(),
  completion_tokens: z.int().nonnegative(),
  total_tokens: z.int().nonnegative(),
})
export type Usage = z.infer<typeof Usage>

/** Why a request failed: a stable code and a sentence, both shown to its owner. */
export const Failure = z.strictObject({ code: z.string(), message: z.string() })
export type Failure = z.infer<typeof Failure>

/** `rejected` is a tombstone: the request was never accepted, and nobody is shown it. */
export const Status = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled', 'expired', 'rejected'])
export type Status = z.infer<typeof Status>

const TERMINAL: ReadonlySet<Status> = new Set(['completed', 'failed', 'cancelled', 'expired', 'rejected'])
export const isTerminal = (status: Status): boolean => TERMINAL.has(status)

/**
 * A reservation: what one run of a request holds of its user's quota until it is settled or released.
 * `nonce` is its own id: settle and release name it, so that nobody closes another's.
 * `holds_request` is false for a redrive of a request that was charged one already (rule 3).
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
  /** SHA-256 of the body, hex: an item and a message of different bodies never meet (I5). */
  fingerprint: z.string(),
  /** Epoch milliseconds, like every time in items and messages. */
  created_at: z.int(),
  /** A request not started by then expires. */
  deadline: z.int(),
})

/** The tokens that a run before a redrive was charged, in the window and shard that had admitted it. */
export const EarlierCharge = z.strictObject({
  window: z.string(),
  shard: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  /** Whether that run was charged the request itself, too. */
  request: z.boolean(),
})
export type EarlierCharge = z.infer<typeof EarlierCharge>

/**
 * The request item, the only arbiter of a request's state: Postgres and the quota follow it.
 * `charge` is set by the transition to a terminal state: the tokens to settle; without it the reservation is released.
 */
export const RequestItem = z.strictObject({
  ...Identity.shape,
  ...Reservation.shape,
  status: Status,
  attempt: z.int().nonnegative(),
  crashes: z.int().nonnegative(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** The next number of a run: a number is used once, even if its redrive came to nothing. */
  next_run: z.int().positive(),
  /** What earlier runs were charged: an operator's redrive begins a new run with a charge of its own. */
  earlier: z.array(EarlierCharge).optional(),
  /** Its owner wants no outcome of it any more. */
  cancel_requested: z.boolean().optional(),
  /** A call of this run has reached the model, or may have: from then on the run is charged a request. */
  reached: z.boolean().optional(),
  /** A retry waits until then. */
  not_before: z.int().optional(),
  lease_until: z.int().optional(),
  started_at: z.int().optional(),
  completed_at: z.int().optional(),
  usage: Usage.optional(),
  error: Failure.optional(),
  charge: z.int().nonnegative().optional(),
  /** Epoch seconds, for DynamoDB's clean-up only: nothing may depend on when it deletes. */
  ttl: z.int(),
})
export type RequestItem = z.infer<typeof RequestItem>

/** The reservation that an item says is its own. */
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

/** A body or a result: in the message, or, when large, in S3 under a key (claim check). */
export const Payload = z.union([z.strictObject({ inline: z.unknown() }), z.strictObject({ key: z.string() })])
export type Payload = z.infer<typeof Payload>

/** What earlier deliveries of a message have found out about its next one; a new run begins without. */
export const Hints = z.strictObject({
  /** It took a worker with it: its next run is the only one of its invocation. */
  alone: z.boolean().optional(),
  /** The call that it may make, at this time and no later: the rate limit has counted it already. */
  turn: z.int().optional(),
  /** It has waited in the rate limit's line for one. */
  has_waited: z.boolean().optional(),
  /** A batch with it has failed: the most requests that its next call may have. */
  at_most: z.int().positive().optional(),
})
export type Hints = z.infer<typeof Hints>

/**
 * What a worker needs to run a request. It carries the reservation, too, so that whoever meets it without an item can
 * give that back.
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

/** What a ledger row says that no transition changes; any event may be the first to bring it. */
const Row = {
  ...Identity.shape,
  run: z.int().positive(),
  estimate: z.int().nonnegative(),
  window: z.string(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Absent where prompts are not stored, or from an event whose sender does not have it. */
  prompt: Payload.optional(),
}

/** The gateway has admitted a request. May be lost: every later event carries as much. */
export const AcceptedEvent = z.strictObject({ v: z.literal(1), type: z.literal('accepted'), ...Row })
export type AcceptedEvent = z.infer<typeof AcceptedEvent>

/** How an attempt came out, by the worker that held its claim. Counts only if the request item accepts it (I7). */
export const OutcomeEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('outcome'),
  ...Row,
  attempt: z.int().positive(),
  status: z.enum(['completed', 'failed']),
  /** Whether the model was called at all: what never reached it costs nothing. */
  reached: z.boolean(),
  started_at: z.int(),
  completed_at: z.int(),
  usage: Usage.optional(),
  result: Payload.optional(),
  error: Failure.optional(),
  /** Of a failure: what was to be run, kept with its dead letter. */
  message: InferenceMessage.optional(),
})
export type OutcomeEvent = z.infer<typeof OutcomeEvent>

/** A request has ended without an outcome: expired, cancelled, rejected. The item has decided it already. */
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
  /** Of a failure, where its sender has it: what was to be run, kept with its dead letter. */
  message: InferenceMessage.optional(),
})
export type EndedEvent = z.infer<typeof EndedEvent>

/** A message that nobody can read, met in some queue: it becomes a dead letter, and is not tried again (I10). */
export const UnreadableEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('unreadable'),
  /** Of the message in its queue. */
  message_id: z.string(),
  /** Its beginning, which may be all of it. */
  text: z.string(),
  at: z.int(),
})
export type UnreadableEvent = z.infer<typeof UnreadableEvent>

/** A message of an input queue that was refused, as its dead letter keeps it. */
export const RefusedInput = z.strictObject({
  queue: z.string(),
  /** Of the message in its queue. */
  message_id: z.string(),
  /** The text of the message as it came. */
  body: Payload,
  /** The body of the answer that it would have got by HTTP. */
  refusal: z.looseObject({ error: z.string(), status: z.literal('error'), code: z.string() }),
})
export type RefusedInput = z.infer<typeof RefusedInput>

/** A message of an input queue was refused, which is final: it becomes a dead letter (I10). */
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

/** Whatever may be in a queue that the collector reads. */
export const AnyMessage = z.discriminatedUnion('type', [InferenceMessage, ...ResultEvent.options])

/** What an operator set for one user, over the plan's own. */
export const Overrides = z.strictObject({
  requests: z.int().positive().optional(),
  tokens: z.int().positive().optional(),
  in_flight: z.int().positive().optional(),
})
export type Overrides = z.infer<typeof Overrides>

/** An API key as it is stored. Times are epoch milliseconds. */
export const KeyRecord = z.strictObject({
  key_id: z.string(),
  /** SHA-256, hex. */
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

/** What the workers of a model know of it together. All times are epoch milliseconds. */
export const GuardState = z.strictObject({
  /** Counts the writes: each replaces the version before. */
  version: z.int().nonnegative(),
  /** Who wrote this version: a write whose answer was lost is known by it. */
  writer: z.string(),
  paused_until: Time.optional(),
  failures: z.array(Time),
  open: z.strictObject({ until: Time, times: z.int().positive() }).optional(),
  probe: z.strictObject({ id: z.string(), since: Time, until: Time }).optional(),
  /** The rate limit's log. */
  calls: z.array(z.strictObject({ from: Time, count: z.int().positive() })),
  /** `heard` was absent once: such a line is over. */
  line: z.strictObject({ turn: Time, taken: z.int().positive(), heard: Time.default(0) }).optional(),
})
export type GuardState = z.infer<typeof GuardState>

export const UNTOUCHED: GuardState = { version: 0, writer: '', failures: [], calls: [] }
