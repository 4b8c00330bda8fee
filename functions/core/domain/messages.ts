import * as z from 'zod'
import { Failure, Identity, Reservation, Status, Usage } from './item.ts'

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
  /**
   * Of a success without a report whose request bounds its output: what it costs at least. There only where that is more
   * than the estimate, since a collector of the version before takes no event that has it.
   */
  charge_at_least: z.int().nonnegative().optional(),
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
