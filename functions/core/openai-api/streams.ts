import type { HttpResponse } from '../http/response.ts'
import { isObject, type Json, objectsOf, without } from '../openai-format/json.ts'

/** Builds a stream that is sent as a whole. OpenAI's SDKs read it like a stream that comes in pieces. */
const streamOf = (text: string, headers: Record<string, string>): HttpResponse => ({
  statusCode: 200,
  headers: { ...headers, 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' },
  body: Buffer.from(text).toString('base64'),
  isBase64Encoded: true,
})

const DONE = 'data: [DONE]\n\n'

/**
 * Builds the stream of a chat completion or a completion, with one chunk. The chunk has the usage only if the client
 * has asked for it.
 */
export function chunkStream(answer: Json, includeUsage: boolean, headers: Record<string, string>): HttpResponse {
  const isChat = answer.object === 'chat.completion'
  const chunk = {
    ...(includeUsage ? answer : without(answer, 'usage')),
    ...(isChat && { object: 'chat.completion.chunk', choices: objectsOf(answer.choices).map(toDelta) }),
  }
  return streamOf(`data: ${JSON.stringify(chunk)}\n\n${DONE}`, headers)
}

/** Converts a choice to the choice of a chunk: the message becomes `delta`, and its calls of tools get numbers. */
function toDelta({ message, ...choice }: Json): Json {
  const delta = isObject(message) ? message : {}
  const calls = objectsOf(delta.tool_calls)
  const numbered = calls.map((call, index) => ({ index, ...call }))
  return { ...choice, delta: { ...delta, ...(calls.length > 0 && { tool_calls: numbered }) } }
}

/** Builds the stream of a response: the events that OpenAI sends for it. */
export function eventStream(response: Json, headers: Record<string, string>): HttpResponse {
  const begun = { ...response, status: 'in_progress', output: [], usage: null, incomplete_details: null }
  const events: StreamEvent[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...objectsOf(response.output).flatMap(itemEvents),
    { type: `response.${String(response.status)}`, response },
  ]
  const whole = textOfEvents(events)
  if (Buffer.byteLength(whole) <= MAX_STREAM_BYTES) return streamOf(whole, headers)
  // The stream would be too large for an answer of Lambda. So the events with pieces of the output are left out.
  // Nothing is lost, because the last event has the whole response.
  return streamOf(
    textOfEvents(events.filter(({ type }) => OF_RESPONSE.has(type) || type === events.at(-1)?.type)),
    headers,
  )
}

/**
 * The largest stream, in bytes. The stream is sent in base64, which makes it larger by a third, and Lambda's answer has
 * at most 6 MB.
 */
const MAX_STREAM_BYTES = 4 * 1024 * 1024

const OF_RESPONSE: ReadonlySet<string> = new Set(['response.created', 'response.in_progress'])

const textOfEvents = (events: readonly StreamEvent[]): string =>
  events
    .map((event, sequence) => {
      const data = JSON.stringify({ ...event, sequence_number: sequence })
      return `event: ${event.type}\ndata: ${data}\n\n`
    })
    .join('')

interface StreamEvent {
  readonly type: string
  readonly [field: string]: unknown
}

function itemEvents(item: Json, index: number): StreamEvent[] {
  const at = { output_index: index, item_id: item.id }
  // A client adds the pieces from the later events to the item in the first event. So this item must be empty.
  // Otherwise the client would have the output twice.
  const begun = {
    ...item,
    ...(Array.isArray(item.content) && { content: [] }),
    ...(item.type === 'message' && { status: 'in_progress' }),
    ...(item.type === 'function_call' && { arguments: '', status: 'in_progress' }),
  }
  return [
    { type: 'response.output_item.added', output_index: index, item: begun },
    ...objectsOf(item.content).flatMap((part, content) => partEvents(part, { ...at, content_index: content })),
    ...(item.type === 'function_call' ? argumentEvents(item, at) : []),
    { type: 'response.output_item.done', output_index: index, item },
  ]
}

/** The field with the text of a part, by the part's type. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['output_text', 'text'],
  ['refusal', 'refusal'],
  ['reasoning_text', 'text'],
])

function partEvents(part: Json, at: Json): StreamEvent[] {
  const kind = String(part.type)
  const field = FIELDS.get(kind)
  if (field === undefined)
    return [
      { type: 'response.content_part.added', ...at, part },
      { type: 'response.content_part.done', ...at, part },
    ]
  const said = part[field]
  const more = kind === 'output_text' ? { logprobs: [] } : {}
  return [
    { type: 'response.content_part.added', ...at, part: { ...part, [field]: '' } },
    { type: `response.${kind}.delta`, ...at, delta: said, ...more },
    { type: `response.${kind}.done`, ...at, [field]: said, ...more },
    { type: 'response.content_part.done', ...at, part },
  ]
}

const argumentEvents = (item: Json, at: Json): StreamEvent[] => [
  { type: 'response.function_call_arguments.delta', ...at, delta: item.arguments },
  { type: 'response.function_call_arguments.done', ...at, arguments: item.arguments, name: item.name },
]
