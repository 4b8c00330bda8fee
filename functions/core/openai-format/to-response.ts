import { defined, isObject, type Json, objectsOf, textOf, without } from './json.ts'
import { isMeant } from './meant.ts'
import { lostFields, lostParts, lostPlaces, meantIn, otherTools, SAME, sameIn, type Translated } from './translated.ts'

/** Fields that are translated here, or that Sluice itself uses. All others except `SAME` are lost, if they ask for something. */
const KNOWN = [
  ...['messages', 'max_tokens', 'max_completion_tokens', 'tools', 'tool_choice', 'response_format', 'reasoning_effort'],
  ...['verbosity', 'stream', 'stream_options', 'prompt', 'logprobs'],
]

/**
 * Translates the body of a call of chat completions to the body of a call to OpenAI's Responses API. `lost` names the
 * parts that the Responses API can't express.
 */
export function chatToResponse(body: Json): Translated {
  const lost = [...meantIn(without(body, ...SAME, ...KNOWN)), ...otherTools(body)]
  const { max_completion_tokens, max_tokens, reasoning_effort: effort, verbosity } = body
  const format = formatOf(body.response_format)
  const text = defined({ format, verbosity })
  return {
    lost: [...lostFields(lost), ...lostPlaces('messages', lostIn(body.messages))],
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

/** Returns the places of the parts of messages that a call to the Responses API can't express. */
const lostIn = (messages: unknown): string[] =>
  objectsOf(messages).flatMap((message, i) => {
    const place = `messages[${i}]`
    const { role, content, tool_calls: calls } = message
    const fields = ['audio', 'function_call', ...(role === 'tool' ? [] : ['name'])]
    return [
      ...(role === 'function' ? [`${place}.role`] : []),
      ...fields.filter(field => isMeant(field, message[field])).map(field => `${place}.${field}`),
      ...(objectsOf(calls).some(call => !isObject(call.function)) ? [`${place}.tool_calls`] : []),
      ...lostParts(content, `${place}.content`, part => partOf(part, 'input_text')),
    ]
  })

function itemsOf(message: Json): Json[] {
  const { role, content, tool_calls: calls } = message
  if (role === 'tool')
    return [{ type: 'function_call_output', call_id: message.tool_call_id, output: contentOf(content, 'input_text') }]
  const refusal = textOf(message.refusal)
  const isSaid = isMeant('content', content)
  const kind = role === 'assistant' ? 'output_text' : 'input_text'
  return [
    ...(isSaid ? [{ type: 'message', role, content: contentOf(content, kind) }] : []),
    ...(refusal === undefined || refusal === ''
      ? []
      : [{ type: 'message', role, content: [{ type: 'refusal', refusal }] }]),
    ...objectsOf(calls).map(callOf),
  ]
}

function callOf({ id, function: called }: Json): Json {
  const { name, arguments: args } = isObject(called) ? called : {}
  return { type: 'function_call', call_id: id, name, arguments: args }
}

const contentOf = (content: unknown, kind: string): unknown =>
  Array.isArray(content) ? objectsOf(objectsOf(content).map(part => partOf(part, kind))) : content

/** Translates a part of a content to the form of the Responses API. Returns undefined if this API has no such part. */
function partOf(part: Json, kind: string): Json | undefined {
  const { image_url: image, file } = part
  switch (part.type) {
    case 'text':
      return { type: kind, text: textOf(part.text) ?? '' }
    case 'image_url':
      if (!isObject(image)) return undefined
      return { type: 'input_image', image_url: image.url, detail: image.detail ?? 'auto' }
    case 'file':
      return isObject(file) ? { type: 'input_file', ...file } : undefined
    case 'refusal':
      return part
    default:
      return undefined
  }
}

const toolOf = ({ function: declared, ...tool }: Json): Json =>
  isObject(declared) ? { type: 'function', strict: false, ...declared } : tool

const toolChoiceOf = (choice: unknown): unknown =>
  isObject(choice) && isObject(choice.function) ? { type: 'function', name: choice.function.name } : choice

function formatOf(format: unknown): unknown {
  if (!isObject(format)) return undefined
  return isObject(format.json_schema) ? { type: 'json_schema', ...format.json_schema } : format
}
