import * as z from 'zod'
import { Failure, Identity, Reservation, Status, Usage } from './item.ts'
import { Operation } from './operation.ts'
import { Price } from './price.ts'
import { reading } from './reading.ts'

/** A body or a result. It is in the message itself, or in S3 under a key if it is over 48 KiB (claim check). */
export const Payload = z.union([z.strictObject({ inline: z.unknown() }), z.strictObject({ key: z.string() })])
export type Payload = z.infer<typeof Payload>

/**
 * The hints of a message: values that the admission or a delivery of the message stores in it for the next delivery. A
 * redrive does not take over the hints of the earlier run.
 */
export const Hints = z.strictObject({
  /**
   * Whether a worker crashed while it ran this request. Then the next worker runs no other request at the same time, so
   * that a second crash can't disturb other requests.
   */
  alone: z.boolean().optional(),
  /**
   * The time of the request's slot in the rate limit (epoch milliseconds). The model may be called once for the request
   * at this time and not later, because the rate limit has already counted this call.
   */
  turn: z.int().optional(),
  /**
   * Whether the request has waited in the backlog of the rate limit, i.e. among the requests that expect a slot. If so,
   * it does not join the backlog a second time, but gets the next slot.
   */
  has_waited: z.boolean().optional(),
  /**
   * The most requests in the next call that has this request. Set after a batch with this request has failed, so that
   * smaller and smaller batches show which request causes the failure.
   */
  at_most: z.int().positive().optional(),
  /**
   * Whether the request's user had many open requests when the request was admitted. Then the request waits behind the
   * requests of other users.
   */
  gives_way: z.boolean().optional(),
})
export type Hints = z.infer<typeof Hints>

/**
 * Everything that a worker needs to run a request. The message also has the reservation. So a function that finds no
 * request item can still release the reservation, which would otherwise use up a part of the user's quota.
 */
export const InferenceMessage = z.strictObject({
  v: z.literal(1),
  type: z.literal('inference'),
  ...Identity.shape,
  ...Reservation.shape,
  metadata: z.record(z.string(), z.unknown()).optional(),
  body: Payload,
  /** The operation of the OpenAI API that the client called. Absent if the client used another API. */
  operation: Operation.optional(),
  hints: Hints.optional(),
})
export type InferenceMessage = z.infer<typeof InferenceMessage>

/**
 * The fields of a ledger row that no transition changes. Every event has them, because the first event of a request
 * makes the row, and any event may be the first.
 */
const Row = {
  ...Identity.shape,
  run: z.int().positive(),
  estimate: z.int().nonnegative(),
  window: z.string(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Absent if prompts are not stored, or if the sender of the event does not have the prompt. */
  prompt: Payload.optional(),
}

/**
 * The event that a request was admitted and has not ended. The loss of this event does no harm, because every later
 * event has the same fields.
 */
export const AcceptedEvent = z.strictObject({ v: z.literal(1), type: z.literal('accepted'), ...Row })
export type AcceptedEvent = z.infer<typeof AcceptedEvent>

/**
 * The event with the outcome of an attempt, from the worker that held the claim. The outcome counts only if the request
 * item accepts it (I7).
 */
export const OutcomeEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('outcome'),
  ...Row,
  attempt: z.int().positive(),
  status: z.enum(['completed', 'failed']),
  /** Whether the model was called. A request that never reached the model is not charged. */
  reached: z.boolean(),
  started_at: z.int(),
  completed_at: z.int(),
  usage: Usage.optional(),
  /**
   * For a success: the result. For a failure: the model's status and words, and the names of the counts that it has not
   * reported: `{ status, detail, unreported }`. Version 0.1.0 has no fields for them, and does not read the `result` of
   * a failure.
   */
  result: Payload.optional(),
  /**
   * The minimum charge of a success whose model reported no usage, if the request bounds its output. Set only if it is
   * more than the estimate, because otherwise the estimate is charged. A collector of version 0.1.0 can't read an event
   * with this field, so as few events as possible have it.
   */
  charge_at_least: z.int().nonnegative().optional(),
  /** The price of the model's tokens, if pipeline.yaml has one. */
  price: Price.optional(),
  error: Failure.optional(),
  /**
   * For a failure: the message of the request, which the dead letter keeps. For a success: set only if the model has
   * not reported all counts of tokens. Then the body of this message names the missing counts. The names are here
   * because version 0.1.0 does not read the message of a success.
   */
  message: InferenceMessage.optional(),
})
export type OutcomeEvent = z.infer<typeof OutcomeEvent>

/**
 * The event that a request has ended without an outcome: for example, the request has expired, or was cancelled or
 * rejected. The request item already has this status.
 */
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
  /**
   * For a failure: the message of the request, if the sender of the event has the message. The dead letter keeps it.
   */
  message: InferenceMessage.optional(),
})
export type EndedEvent = z.infer<typeof EndedEvent>

/**
 * The event that a queue had an unreadable message. The message becomes a dead letter, and is not tried again (I10).
 */
export const UnreadableEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('unreadable'),
  /** The id of the message in its queue. */
  message_id: z.string(),
  /** The beginning of the message, or all of it. */
  text: z.string(),
  at: z.int(),
})
export type UnreadableEvent = z.infer<typeof UnreadableEvent>

/** A refused message of an input queue, in the form that its dead letter keeps. */
export const RefusedInput = z.strictObject({
  queue: z.string(),
  /** The id of the message in its queue. */
  message_id: z.string(),
  /** The text of the message without changes. */
  body: Payload,
  /** The body of the error answer that a client would have got for the same request over HTTP. */
  refusal: z.looseObject({ error: z.string(), status: z.literal('error'), code: z.string() }),
})
export type RefusedInput = z.infer<typeof RefusedInput>

/** The event that a message of an input queue was refused. This is final: the message becomes a dead letter (I10). */
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

/** Every message that the collector may receive. */
export const AnyMessage = z.discriminatedUnion('type', [InferenceMessage, ...ResultEvent.options])
export type AnyMessage = z.infer<typeof AnyMessage>

/** The result of reading the text of a message. */
export type ReadMessage<Message> =
  | { readonly kind: 'message'; readonly message: Message }
  /**
   * A newer version of Sluice wrote the message, so this version does not know its `type` or its version `v`. The
   * message goes back to its queue as a failed delivery. The newer function, which is deployed a moment later, takes
   * the message. The message never becomes a dead letter in Postgres, so the newer function does not lose it.
   */
  | { readonly kind: 'unknown type'; readonly type: string; readonly version: number }
  /** The message is not from Sluice, and no version can read it. It becomes a dead letter (I10). */
  | { readonly kind: 'unreadable'; readonly reason: 'not JSON' | 'not of its schema' }

/** Reads the text of a message that a queue delivered. The result never contains the text itself. */
export type MessageReader<Message> = (text: string) => ReadMessage<Message>

/** The two fields that each message has in every version. */
const Envelope = z.looseObject({ v: z.int().positive(), type: z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/) })

/** The newest version of each type of message that this version of Sluice knows. */
const VERSIONS: ReadonlyMap<string, number> = new Map(
  AnyMessage.options.map(({ shape }) => [shape.type.value, shape.v.value]),
)

const isOfNewerVersion = ({ type, v }: z.infer<typeof Envelope>): boolean => v > (VERSIONS.get(type) ?? 0)

function messageReader<Schema extends z.ZodType>(schema: Schema): MessageReader<z.output<Schema>> {
  const reader = reading(schema)
  return text => {
    const json = parsedJson(text)
    if (!json) return { kind: 'unreadable', reason: 'not JSON' }
    const envelope = Envelope.safeParse(json.value).data
    if (envelope && isOfNewerVersion(envelope))
      return { kind: 'unknown type', type: envelope.type, version: envelope.v }
    const { data } = reader.safeParse(json.value)
    return data === undefined ? { kind: 'unreadable', reason: 'not of its schema' } : { kind: 'message', message: data }
  }
}

function parsedJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

/** Reads the inference messages that a worker receives. */
export const readInferenceMessage = messageReader(InferenceMessage)

/** Reads the messages that the collector receives: events, and inference messages from dead-letter queues. */
export const readAnyMessage = messageReader(AnyMessage)

/**
 * Reads the inference message in a dead letter, i.e. in a row in Postgres for a request that could not be run. Returns
 * undefined if the dead letter has something else.
 */
export const keptMessage = (kept: unknown): InferenceMessage | undefined => KeptMessage.safeParse(kept).data
const KeptMessage = reading(InferenceMessage)

/**
 * Reads the refused input in a dead letter, i.e. in a row in Postgres for a message that was refused. Returns undefined
 * if the dead letter has something else.
 */
export const keptInput = (kept: unknown): RefusedInput | undefined => KeptInput.safeParse(kept).data
const KeptInput = reading(RefusedInput)
