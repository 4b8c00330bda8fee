import { defined, isObject, type Json, objectsOf, textOf, without } from './json.ts'
import { SAME, sameIn, type Translated, untranslatable } from './translated.ts'

/** Fields that are translated here, or that Sluice itself has dealt with. */
const KNOWN = [
  ...['input', 'instructions', 'max_output_tokens', 'tools', 'tool_choice', 'text', 'reasoning'],
  ...['background', 'stream', 'stream_options', 'prompt'],
]

/** Values that mean the same as a field that is not there. */
const MEANINGLESS: Json = { truncation: 'disabled' }

/** Makes the body of a chat completion from that of a response. Names the fields that chat completions have no place for. */
export function responseToChat(body: Json): Translated {
  const others = without(body, ...SAME, ...KNOWN)
  const fields = Object.entries(others).filter(
    ([name, value]) => MEANINGLESS[name] !== value && !(Array.isArray(value) && value.length === 0),
  )
  const hasOtherTools = objectsOf(body.tools).some(({ type }) => type !== 'function')
  const text = isObject(body.text) ? body.text : {}
  return {
    lost: [...fields.map(([name]) => name), ...(hasOtherTools ? ['tools'] : []), ...untranslatable(body.input)],
    body: defined({
      ...sameIn(body),
      messages: messagesOf(body),
      max_completion_tokens: body.max_output_tokens,
      logprobs: body.top_logprobs === undefined ? undefined : true,
      tools: Array.isArray(body.tools) && body.tools.length > 0 ? objectsOf(body.tools).map(toolOf) : undefined,
      tool_choice: toolChoiceOf(body.tool_choice),
      response_format: formatOf(text.format),
      verbosity: text.verbosity,
      reasoning_effort: isObject(body.reasoning) ? (body.reasoning.effort ?? undefined) : undefined,
    }),
  }
}

/** The messages of a chat that says the same as a response's instructions and input. */
export const messagesOf = ({ instructions, input }: Json): Json[] => [
  ...(typeof instructions === 'string' ? [{ role: 'system', content: instructions }] : []),
  ...(typeof input === 'string' ? [{ role: 'user', content: input }] : withJoinedCalls(objectsOf(input))),
]

/** Calls of tools that follow each other belong to one message of the assistant. */
function withJoinedCalls(items: readonly Json[]): Json[] {
  const messages: Json[] = []
  for (const item of items) {
    const last = messages.at(-1)
    const message = messageOf(item)
    if (!message) continue
    const calls = message.tool_calls
    if (Array.isArray(calls) && last?.role === 'assistant')
      messages[messages.length - 1] = { ...last, tool_calls: [...objectsOf(last.tool_calls), ...calls] }
    else messages.push(message)
  }
  return messages
}

function messageOf(item: Json): Json | undefined {
  switch (item.type ?? 'message') {
    case 'message':
      return { role: item.role, content: contentOf(item.content) }
    case 'function_call': {
      const call = { id: item.call_id, type: 'function', function: { name: item.name, arguments: item.arguments } }
      return { role: 'assistant', content: null, tool_calls: [call] }
    }
    case 'function_call_output':
      return { role: 'tool', tool_call_id: item.call_id, content: contentOf(item.output) }
    default:
      return undefined
  }
}

/** A content of texts alone becomes one text, which every endpoint takes. */
function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content
  const parts = objectsOf(content)
  if (parts.every(({ text }) => typeof text === 'string')) return parts.map(({ text }) => text).join('')
  return parts.map(partOf)
}

function partOf(part: Json): Json {
  switch (part.type) {
    case 'input_image':
      return { type: 'image_url', image_url: defined({ url: part.image_url, detail: part.detail }) }
    case 'input_file':
      return {
        type: 'file',
        file: defined({ file_data: part.file_data, file_id: part.file_id, filename: part.filename }),
      }
    case 'refusal':
      return { type: 'refusal', refusal: part.refusal }
    default:
      return { type: 'text', text: textOf(part.text) ?? '' }
  }
}

const toolOf = (tool: Json): Json => ({ type: 'function', function: without(tool, 'type') })

const toolChoiceOf = (choice: unknown): unknown =>
  isObject(choice) && choice.type === 'function' ? { type: 'function', function: { name: choice.name } } : choice

function formatOf(format: unknown): unknown {
  if (!isObject(format) || format.type === 'text') return undefined
  return format.type === 'json_schema' ? { type: 'json_schema', json_schema: without(format, 'type') } : format
}
