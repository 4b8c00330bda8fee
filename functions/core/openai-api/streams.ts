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
  const events = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...objectsOf(response.output).flatMap(itemEvents),
    { type: `response.${String(response.status)}`, response },
  ]
  const lines = events.map((event, sequence) => {
    const data = JSON.stringify({ ...event, sequence_number: sequence })
    return `event: ${event.type}\ndata: ${data}\n\n`
  })
  return streamOf(lines.join(''), headers)
}

interface StreamEvent {
  readonly type: string
  readonly [field: string]: unknown
}

function itemEvents(item: Json, index: number): StreamEvent[] {
  const at = { output_index: index, item_id: item.id }
  const begun = { ...item, ...(item.type === 'message' && { content: [], status: 'in_progress' }) }
  return [
    { type: 'response.output_item.added', output_index: index, item: begun },
    ...objectsOf(item.content).flatMap((part, content) => partEvents(part, { ...at, content_index: content })),
    ...(item.type === 'function_call' ? argumentEvents(item, at) : []),
    { type: 'response.output_item.done', output_index: index, item },
  ]
}

function partEvents(part: Json, at: Json): StreamEvent[] {
  const isText = part.type === 'output_text'
  const [kind, field] = isText ? ['output_text', 'text'] : ['refusal', 'refusal']
  const said = part[field]
  const more = isText ? { logprobs: [] } : {}
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
