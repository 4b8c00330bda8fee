import { defined, isObject, type Json, objectsOf, textOf, without } from './json.ts'
import { SAME, sameIn, type Translated } from './translated.ts'

/** Fields that are translated here, or that Sluice itself has dealt with. */
const KNOWN = [
  ...['messages', 'max_tokens', 'max_completion_tokens', 'tools', 'tool_choice', 'response_format', 'reasoning_effort'],
  ...['verbosity', 'stream', 'stream_options', 'prompt', 'logprobs'],
]

/** Values that mean the same as a field that is not there. */
const MEANINGLESS: Json = { n: 1, presence_penalty: 0, frequency_penalty: 0 }

/** Makes the body of a response from that of a chat completion. Names the fields that responses have no place for. */
export function chatToResponse(body: Json): Translated {
  const others = Object.entries(without(body, ...SAME, ...KNOWN)).filter(([name, value]) => MEANINGLESS[name] !== value)
  const { max_completion_tokens, max_tokens, reasoning_effort: effort, verbosity } = body
  const format = formatOf(body.response_format)
  const text = defined({ format, verbosity })
  return {
    lost: others.map(([name]) => name),
    body: defined({
      ...sameIn(body),
      input: objectsOf(body.messages).flatMap(itemsOf),
      max_output_tokens: max_completion_tokens ?? max_tokens,
      tools: Array.isArray(body.tools) ? objectsOf(body.tools).map(toolOf) : undefined,
      tool_choice: toolChoiceOf(body.tool_choice),
      text: Object.keys(text).length > 0 ? text : undefined,
      reasoning: effort === undefined ? undefined : { effort },
      include: body.logprobs === true ? ['message.output_text.logprobs'] : undefined,
    }),
  }
}

function itemsOf(message: Json): Json[] {
  const { role, content, tool_calls: calls } = message
  if (role === 'tool')
    return [{ type: 'function_call_output', call_id: message.tool_call_id, output: contentOf(content, 'input_text') }]
  const isSaid = content !== null && content !== undefined && content !== ''
  const kind = role === 'assistant' ? 'output_text' : 'input_text'
  return [
    ...(isSaid ? [{ type: 'message', role, content: contentOf(content, kind) }] : []),
    ...objectsOf(calls).map(callOf),
  ]
}

function callOf({ id, function: called }: Json): Json {
  const { name, arguments: args } = isObject(called) ? called : {}
  return { type: 'function_call', call_id: id, name, arguments: args }
}

const contentOf = (content: unknown, kind: string): unknown =>
  Array.isArray(content) ? objectsOf(content).map(part => partOf(part, kind)) : content

function partOf(part: Json, kind: string): Json {
  const { image_url: image, file } = part
  if (part.type === 'image_url' && isObject(image))
    return { type: 'input_image', image_url: image.url, detail: image.detail ?? 'auto' }
  if (part.type === 'file' && isObject(file)) return { type: 'input_file', ...file }
  if (part.type === 'refusal') return part
  return { type: kind, text: textOf(part.text) ?? '' }
}

const toolOf = ({ function: declared, ...tool }: Json): Json =>
  isObject(declared) ? { type: 'function', strict: false, ...declared } : tool

const toolChoiceOf = (choice: unknown): unknown =>
  isObject(choice) && isObject(choice.function) ? { type: 'function', name: choice.function.name } : choice

function formatOf(format: unknown): unknown {
  if (!isObject(format)) return undefined
  return isObject(format.json_schema) ? { type: 'json_schema', ...format.json_schema } : format
}
