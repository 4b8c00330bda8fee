import * as z from 'zod'
import { Failure, Identity, Reservation, Status, Usage } from './item.ts'
import { Operation } from './operation.ts'
import { Price } from './price.ts'
import { reading } from './reading.ts'

/** A body or a result: in the message, or, when large, in S3 under a key (claim check). */
export const Payload = z.union([z.strictObject({ inline: z.unknown() }), z.strictObject({ key: z.string() })])
export type Payload = z.infer<typeof Payload>

/** What earlier deliveries of a message know about its next delivery. A new run begins without hints. */
export const Hints = z.strictObject({
  /** A worker stopped while it ran this request, so that the next worker runs no other request beside it. */
  alone: z.boolean().optional(),
  /** The call that it may make, at this time and no later: the rate limit has counted it already. */
  turn: z.int().optional(),
  /** It has waited in the rate limit's line for one. */
  has_waited: z.boolean().optional(),
  /** A batch with it has failed: the most requests that its next call may have. */
  at_most: z.int().positive().optional(),
  /** Its user had many open requests when it was admitted, so that it waits behind those of others. */
  gives_way: z.boolean().optional(),
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
  /** The operation of the OpenAI API that the request came by. Absent if it came by another API. */
  operation: Operation.optional(),
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

/** A request was admitted, and has not ended. This event may be lost: every later event has the same fields. */
export const AcceptedEvent = z.strictObject({ v: z.literal(1), type: z.literal('accepted'), ...Row })
export type AcceptedEvent = z.infer<typeof AcceptedEvent>

/** The result of an attempt, from the worker that held the claim. It counts only if the request item accepts it (I7). */
export const OutcomeEvent = z.strictObject({
  v: z.literal(1),
  type: z.literal('outcome'),
  ...Row,
  attempt: z.int().positive(),
  status: z.enum(['completed', 'failed']),
  /** Whether the model was called. A request that never reached it costs nothing. */
  reached: z.boolean(),
  started_at: z.int(),
  completed_at: z.int(),
  usage: Usage.optional(),
  /** Of a success: the result. Of a failure: what the model said, `{ status, detail }`. */
  result: Payload.optional(),
  /**
   * Of a success without a report whose request bounds its output: what it costs at least. There only where that is more
   * than the estimate, since a collector of the version before takes no event that has it.
   */
  charge_at_least: z.int().nonnegative().optional(),
  /** What the model's tokens cost, where pipeline.yaml says so. */
  price: Price.optional(),
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

/** Every message that the collector may receive. */
export const AnyMessage = z.discriminatedUnion('type', [InferenceMessage, ...ResultEvent.options])
export type AnyMessage = z.infer<typeof AnyMessage>

/** What the text of a message turned out to be. */
export type ReadMessage<Message> =
  | { readonly kind: 'message'; readonly message: Message }
  /**
   * A newer version wrote it: its `type` or its version `v` does not exist here. It goes back to its queue as a failure, so
   * that the newer function takes it, which is deployed a moment later. It never becomes a dead letter.
   */
  | { readonly kind: 'unknown type'; readonly type: string; readonly version: number }
  /** It is no message of ours, and no version will ever read it: it becomes a dead letter (I10). */
  | { readonly kind: 'unreadable'; readonly reason: 'not JSON' | 'not of its schema' }

/** Reads the text of a message that a queue delivered. The text itself is never part of what it answers. */
export type MessageReader<Message> = (text: string) => ReadMessage<Message>

/** Each message names these two, in every version. */
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

/** Reads what a worker receives: inference messages. */
export const readInferenceMessage = messageReader(InferenceMessage)

/** Reads what the collector receives: events, and inference messages that their queue gave up. */
export const readAnyMessage = messageReader(AnyMessage)

/** Reads the inference message that a dead letter keeps. Returns undefined if it keeps something else. */
export const keptMessage = (kept: unknown): InferenceMessage | undefined => KeptMessage.safeParse(kept).data
const KeptMessage = reading(InferenceMessage)

/** Reads the refused input that a dead letter keeps. Returns undefined if it keeps something else. */
export const keptInput = (kept: unknown): RefusedInput | undefined => KeptInput.safeParse(kept).data
const KeptInput = reading(RefusedInput)
