import { isObject, type Json, objectsOf, textOf } from './json.ts'

/** A call of a tool that a model wants. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** The JSON that the model has written. */
  readonly arguments: string
}

/** The content of a model's answer, independent of the answer's form. */
export interface Said {
  readonly text: string
  readonly refusal: string | undefined
  readonly reasoning: string | undefined
  readonly tool_calls: readonly ToolCall[]
  readonly finish_reason: 'stop' | 'length' | 'tool_calls' | 'content_filter'
}

/**
 * Reads the content of a model's answer from a result. Of several choices, it reads the first. The result may be a chat
 * completion, a completion or a response of an OpenAI-like endpoint, the result of a provider's profile
 * (`{ text, finish_reason, … }`), or a text. From any other value, the content is the JSON text of the value.
 */
export function readSaid(result: unknown): Said {
  if (!isObject(result)) return saidOf({ text: textOf(result) ?? JSON.stringify(result) ?? '' })
  if (isResponse(result)) return ofResponse(result)
  const [choice] = objectsOf(result.choices)
  const said = choice && ofChoice(choice)
  if (said) return said
  if (typeof result.text !== 'string') return saidOf({ text: JSON.stringify(result) })
  return ofMessage({ ...result, content: result.text }, result.finish_reason)
}

/** Reads the content of each choice of a result, in the order of their `index`. A result without choices counts as one choice. */
export function readChoices(result: unknown): Said[] {
  const inOrder = isObject(result) ? objectsOf(result.choices).toSorted((a, b) => placeOf(a) - placeOf(b)) : []
  const choices = inOrder.map(ofChoice)
  return choices.length > 0 && choices.every(said => said !== undefined) ? choices : [readSaid(result)]
}

const placeOf = ({ index }: Json): number => Number(index ?? 0)

export const isChatCompletion = (result: unknown): result is Json =>
  isObject(result) && objectsOf(result.choices).some(({ message }) => isObject(message))

export const isCompletion = (result: unknown): result is Json =>
  isObject(result) && objectsOf(result.choices).some(({ text }) => typeof text === 'string')

export const isResponse = (result: unknown): result is Json & { readonly object: 'response' } =>
  isObject(result) && result.object === 'response' && Array.isArray(result.output)

interface Parts {
  readonly text: string
  readonly refusal?: string | undefined
  readonly reasoning?: string | undefined
  readonly calls?: readonly ToolCall[]
  readonly reason?: unknown
}

function saidOf({ text, refusal, reasoning, calls = [], reason }: Parts): Said {
  return { text, refusal, reasoning, tool_calls: calls, finish_reason: finishOf(reason, calls.length > 0) }
}

/** OpenAI's `finish_reason` for each reason with which OpenAI or another API says why an answer ended. */
const REASONS = new Map<unknown, Said['finish_reason']>([
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['max_output_tokens', 'length'],
  ['content_filter', 'content_filter'],
  ['refusal', 'content_filter'],
  ['tool_calls', 'tool_calls'],
  ['tool_use', 'tool_calls'],
])

const finishOf = (reason: unknown, hasCalls: boolean): Said['finish_reason'] =>
  REASONS.get(reason) ?? (hasCalls ? 'tool_calls' : 'stop')

/** Reads a choice of a chat completion or of a completion. Returns undefined for a choice of another form. */
function ofChoice({ message, text, finish_reason: reason }: Json, place = 0): Said | undefined {
  if (isObject(message)) return ofMessage(message, reason, place)
  return typeof text === 'string' ? saidOf({ text, reason }) : undefined
}

function ofMessage(message: Json, reason: unknown, place = 0): Said {
  const { content } = message
  const parts = objectsOf(content).flatMap(({ text }) => textOf(text) ?? [])
  return saidOf({
    text: textOf(content) ?? parts.join(''),
    refusal: textOf(message.refusal),
    reasoning: textOf(message.reasoning_content) ?? textOf(message.reasoning),
    calls: objectsOf(message.tool_calls).map((call, index) =>
      toolCallOf(call, place === 0 ? index : `${place}_${index}`),
    ),
    reason,
  })
}

/**
 * Reads the call of a tool. OpenAI puts the name and the arguments into `function`. Anthropic calls the arguments
 * `input`. Ollama sends no ids, so the id is then made from the `place` of the call in the answer.
 */
function toolCallOf(call: Json, place: number | string): ToolCall {
  const { name, arguments: args, input } = isObject(call.function) ? { ...call, ...call.function } : call
  const given = args ?? input ?? {}
  return {
    id: textOf(call.id) ?? `call_${place}`,
    name: textOf(name) ?? '',
    arguments: textOf(given) ?? JSON.stringify(given),
  }
}

function ofResponse({ output, incomplete_details: incomplete }: Json): Said {
  const items = objectsOf(output)
  const parts = items.filter(({ type }) => type === 'message').flatMap(({ content }) => objectsOf(content))
  const textsOfType = (type: string, field: string) =>
    parts.filter(part => part.type === type).flatMap(part => textOf(part[field]) ?? [])
  const refusals = textsOfType('refusal', 'refusal')
  const summaries = items.filter(({ type }) => type === 'reasoning').flatMap(({ summary }) => objectsOf(summary))
  const reasoning = summaries.flatMap(({ text }) => textOf(text) ?? []).join('\n')
  return saidOf({
    text: textsOfType('output_text', 'text').join(''),
    refusal: refusals.length > 0 ? refusals.join('') : undefined,
    reasoning: reasoning === '' ? undefined : reasoning,
    calls: items
      .filter(({ type }) => type === 'function_call')
      .map((item, index) => toolCallOf({ ...item, id: item.call_id }, index)),
    reason: isObject(incomplete) ? incomplete.reason : undefined,
  })
}
