import { defined, isObject, type Json, objectsOf, textOf, without } from './json.ts'
import { isMeant } from './meant.ts'
import { lostFields, lostParts, lostPlaces, meantIn, otherTools, SAME, sameIn, type Translated } from './translated.ts'

/** Fields that are translated here, or that Sluice itself uses. All others except `SAME` are lost, if they ask for something. */
const KNOWN = [
  ...['input', 'instructions', 'max_output_tokens', 'tools', 'tool_choice', 'text', 'reasoning'],
  ...['background', 'stream', 'stream_options', 'prompt'],
]

/**
 * Translates the body of a call to OpenAI's Responses API to the body of a call of chat completions. `lost` names the
 * parts that chat completions can't express.
 */
export function responseToChat(body: Json): Translated {
  const text = isObject(body.text) ? body.text : {}
  const reasoning = isObject(body.reasoning) ? body.reasoning : {}
  const lost = [
    ...meantIn(without(body, ...SAME, ...KNOWN)),
    ...otherTools(body),
    ...(meantIn(without(text, 'format', 'verbosity')).length > 0 ? ['text'] : []),
    ...(meantIn(without(reasoning, 'effort')).length > 0 ? ['reasoning'] : []),
  ]
  return {
    lost: [...lostFields(lost), ...lostPlaces('input', lostItems(body.input))],
    body: defined({
      ...sameIn(body),
      messages: messagesOf(body),
      max_completion_tokens: body.max_output_tokens,
      logprobs: body.top_logprobs === undefined ? undefined : true,
      tools: Array.isArray(body.tools) && body.tools.length > 0 ? objectsOf(body.tools).map(toolOf) : undefined,
      tool_choice: toolChoiceOf(body.tool_choice),
      response_format: formatOf(text.format),
      verbosity: text.verbosity,
      reasoning_effort: reasoning.effort ?? undefined,
    }),
  }
}

/**
 * Returns the places of the items and parts of an input that a chat can't express. Reasoning items do not count as
 * lost. They are just left out, because no chat completion takes them.
 */
function lostItems(input: unknown): string[] {
  return objectsOf(input).flatMap((item, i) => {
    const place = `input[${i}]`
    switch (item.type ?? 'message') {
      case 'message':
        return lostParts(item.content, `${place}.content`, partOf)
      case 'function_call_output':
        return lostParts(item.output, `${place}.output`, partOf)
      case 'function_call':
      case 'reasoning':
        return []
      default:
        return [place]
    }
  })
}

/** Translates the instructions and the input of a call to the Responses API to the messages of a chat. */
export const messagesOf = ({ instructions, input }: Json): Json[] => [
  ...(typeof instructions === 'string' ? [{ role: 'system', content: instructions }] : []),
  ...(typeof input === 'string' ? [{ role: 'user', content: input }] : withJoinedCalls(objectsOf(input))),
]

/**
 * Translates the items of an input to messages. Calls of tools that follow each other become one message of the
 * assistant.
 */
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

/** Translates a content. If it has only texts, it becomes one text, which every endpoint takes. */
function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content
  const parts = objectsOf(objectsOf(content).map(partOf))
  return parts.every(({ type }) => type === 'text') ? parts.map(({ text }) => text).join('') : parts
}

/** Translates a part of a content to the form of a chat. Returns undefined if a chat has no such part. */
function partOf(part: Json): Json | undefined {
  switch (part.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: textOf(part.text) ?? '' }
    case 'input_image': {
      const url = textOf(part.image_url)
      // A chat can't refer to an image that is stored as a file at OpenAI.
      if (url === undefined || isMeant('file_id', part.file_id)) return undefined
      return { type: 'image_url', image_url: defined({ url, detail: part.detail ?? undefined }) }
    }
    case 'input_file': {
      if (isMeant('file_url', part.file_url)) return undefined
      const { file_data, file_id, filename } = part
      return { type: 'file', file: defined({ file_data, file_id, filename }) }
    }
    case 'input_audio':
      return isObject(part.input_audio) ? { type: 'input_audio', input_audio: part.input_audio } : undefined
    case 'refusal':
      return { type: 'refusal', refusal: part.refusal }
    default:
      return undefined
  }
}

const toolOf = (tool: Json): Json => ({ type: 'function', function: without(tool, 'type') })

const toolChoiceOf = (choice: unknown): unknown =>
  isObject(choice) && choice.type === 'function' ? { type: 'function', function: { name: choice.name } } : choice

function formatOf(format: unknown): unknown {
  if (!isObject(format) || format.type === 'text') return undefined
  return format.type === 'json_schema' ? { type: 'json_schema', json_schema: without(format, 'type') } : format
}
