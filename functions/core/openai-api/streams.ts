import type { HttpResponse } from '../http/response.ts'
import { isObject, type Json, objectsOf, without } from '../openai-format/json.ts'

/** A stream that is there as a whole: OpenAI's SDKs read it as they read one that comes piece by piece. */
const streamOf = (text: string, headers: Record<string, string>): HttpResponse => ({
  statusCode: 200,
  headers: { ...headers, 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' },
  body: Buffer.from(text).toString('base64'),
  isBase64Encoded: true,
})

const DONE = 'data: [DONE]\n\n'

/** A chat completion or a completion as a stream of one chunk. It has the usage only if the client has asked for that. */
export function chunkStream(answer: Json, includeUsage: boolean, headers: Record<string, string>): HttpResponse {
  const isChat = answer.object === 'chat.completion'
  const chunk = {
    ...(includeUsage ? answer : without(answer, 'usage')),
    ...(isChat && { object: 'chat.completion.chunk', choices: objectsOf(answer.choices).map(toDelta) }),
  }
  return streamOf(`data: ${JSON.stringify(chunk)}\n\n${DONE}`, headers)
}

/** A chunk has the message as `delta`, and numbers its calls of tools. */
function toDelta({ message, ...choice }: Json): Json {
  const delta = isObject(message) ? message : {}
  const calls = objectsOf(delta.tool_calls)
  const numbered = calls.map((call, index) => ({ index, ...call }))
  return { ...choice, delta: { ...delta, ...(calls.length > 0 && { tool_calls: numbered }) } }
}

/** A response as the events that OpenAI sends for it. */
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
  // The pieces repeat what the last event has. A long response comes without them.
  return streamOf(
    textOfEvents(events.filter(({ type }) => OF_RESPONSE.has(type) || type === events.at(-1)?.type)),
    headers,
  )
}

/** The most that a function's answer carries in base64: Lambda takes 6 MB. */
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
  // A client adds the pieces to what it has begun with, so that it begins without them.
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
