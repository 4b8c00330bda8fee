import { RequestError } from '../domain/errors.ts'
import type { Operation } from '../domain/operation.ts'
import { NO_PARAMETERS } from '../openai-format/fields.ts'
import { isObject, type Json, objectsOf, without } from '../openai-format/json.ts'
import { isMeant } from '../openai-format/meant.ts'
import { TIERED } from '../openai-format/pass.ts'
import { responseToChat } from '../openai-format/to-chat.ts'
import { type Lost, lostFields, lostPlaces, meantIn } from '../openai-format/translated.ts'
import type { Abilities } from './abilities.ts'

/**
 * Refuses a field that would have no effect, because Sluice never supports the field, or because it would not reach the
 * model. So a client never relies on a field that is ignored. The error names the field. `body` is the client's body,
 * and `seen` has its fields in the form that a mapping gets. Throws `RequestError`.
 */
export function checkSupported(
  operation: Operation,
  body: Json,
  seen: Json,
  model: string,
  abilities: Abilities,
): void {
  for (const [field, why] of NEVER[operation] ?? []) if (isMeant(field, body[field])) throw unsupported(field, why)
  const isPrior = objectsOf(body.input).some(({ type }) => type === 'item_reference')
  if (isPrior) throw unsupported('input', 'can refer to no stored item: send the items themselves')
  if (operation !== 'responses' && body.background === true)
    throw unsupported('background', 'is a field of responses only')
  if (body.background === true && body.stream === true)
    throw unsupported('stream', 'is not supported together with `background`: read the response by its id')
  checkTier(operation, body, abilities)
  checkOtherTexts(operation, body, abilities)
  if (abilities.passes) return
  if (operation === 'embeddings' && !abilities.embeddings)
    throw unsupported('model', `must be a model that makes embeddings; "${model}" makes none`)
  checkTexts(operation, body, model)
  const unseen = unseenIn(operation, body, seen, abilities)
  if (!unseen) return
  const { field, place } = unseen
  const what = place === field ? 'is not supported by' : `has at ${place} what is not supported by`
  throw unsupported(field, `${what} the model "${model}"`)
}

/** The service tiers that Sluice itself serves. Another tier only has an effect at an endpoint that knows it. */
const OWN_TIERS: readonly unknown[] = ['auto', 'default', 'priority']

/** Refuses a service tier that would not reach the model. */
function checkTier(operation: Operation, { service_tier: tier }: Json, { passes, names }: Abilities): void {
  if (!isMeant('service_tier', tier) || OWN_TIERS.includes(tier)) return
  if (passes ? TIERED.includes(operation) : names.includes('service_tier')) return
  throw unsupported('service_tier', `can only be ${OWN_TIERS.join(', ')} here`)
}

/** The fields in which the body of an operation has its texts. */
const TEXTS: Readonly<Record<Operation, readonly string[]>> = {
  'chat.completions': ['messages'],
  completions: ['prompt'],
  embeddings: ['input'],
  responses: ['input', 'instructions'],
}

/**
 * Refuses a text in a field of another operation, if the text would not reach the model. Sluice itself uses the names
 * `prompt` and `prompts` in the stored body. So a client's field with such a name reaches no model. A mapping gets the
 * `messages` of a chat only.
 */
function checkOtherTexts(operation: Operation, body: Json, { passes, names }: Abilities): void {
  const reachesModel = (field: string) => passes || (field !== 'messages' && names.includes(field))
  const unseen = ['prompt', 'prompts', ...['messages', 'input', 'instructions'].filter(field => !reachesModel(field))]
  const field = unseen.find(name => !TEXTS[operation].includes(name) && isMeant(name, body[name]))
  if (field !== undefined) throw unsupported(field, `is not a field of ${operation}`)
}

/**
 * Refuses lists of prompts and tokens for a model with a mapping. A mapping gets one text. But each prompt of a list
 * needs its own answer, and only an endpoint of the OpenAI API can read tokens.
 */
function checkTexts(operation: Operation, { prompt, input }: Json, model: string): void {
  const [field, given] = operation === 'completions' ? ['prompt', prompt] : ['input', input]
  if ((operation !== 'completions' && operation !== 'embeddings') || !Array.isArray(given)) return
  if (given.some(part => typeof part !== 'string'))
    throw unsupported(String(field), `must be a text for the model "${model}", which can not read tokens`)
  if (operation === 'completions' && given.length > 1)
    throw unsupported('prompt', `must be one text for the model "${model}"`)
}

const unsupported = (field: string, message: string): RequestError =>
  new RequestError('invalid_request', `\`${field}\` ${message}`, {
    problems: [{ path: field, message }],
    is_unsupported: true,
  })

const STORED = 'is not supported: no conversation is stored; send the earlier messages in `input`'
const NEVER: Readonly<Partial<Record<Operation, readonly (readonly [string, string])[]>>> = {
  responses: [
    ['previous_response_id', STORED],
    ['conversation', STORED],
    ['prompt', 'is not supported: a template of OpenAI can not be read here'],
  ],
  embeddings: [
    ['stream', 'is not supported: embeddings have no stream'],
    ['stream_options', 'is not supported: embeddings have no stream'],
  ],
}

/**
 * Parameters that are refused unless the mapping of the model names the parameter itself, or both `messages` and
 * `parameters`. In a call without the messages of a chat, these parameters would have no effect.
 */
const OF_CHATS = [
  'tools',
  'functions',
  'tool_choice',
  'response_format',
  'logprobs',
  'top_logprobs',
  'audio',
  'modalities',
]

/** The bounds of the output. They always have an effect, because the estimate uses them. So they are never refused. */
const BOUNDS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens']

/** The fields of a response, by their names in a chat. */
const RESPONSE_NAMES: Readonly<Record<string, string>> = {
  response_format: 'text',
  verbosity: 'text',
  reasoning_effort: 'reasoning',
}

/** Returns a part of a body that the model would not see. Returns undefined if there is none. */
function unseenIn(operation: Operation, body: Json, fields: Json, { names }: Abilities): Lost | undefined {
  const isResponse = operation === 'responses'
  const lost = isResponse ? responseToChat(body).lost.filter(({ field }) => !names.includes(field)) : []
  const seesChat = names.includes('messages')
  const seesParts = seesChat || (isResponse && names.includes('input'))
  const part = seesParts ? undefined : otherPart(fields.messages)
  const said = isResponse ? 'input' : 'messages'
  const seesAll = names.includes('parameters')
  const isSeen = (name: string): boolean => {
    if (names.includes(name) || BOUNDS.includes(name)) return true
    if (name === 'n' || name === 'best_of') return false
    return seesAll && (seesChat || !OF_CHATS.includes(name))
  }
  const parameters = isObject(fields.parameters) ? without(fields.parameters, ...NO_PARAMETERS) : {}
  const unseen = meantIn(parameters).find(name => !isSeen(name))
  const ofResponse = isResponse && unseen !== undefined ? RESPONSE_NAMES[unseen] : undefined
  const [first] = [
    ...lost,
    ...(part === undefined ? [] : lostPlaces(said, [isResponse ? said : part])),
    ...lostFields([ofResponse ?? unseen ?? []].flat()),
  ]
  return first
}

/** The fields of a message, besides its content, that say something to the model. */
const BESIDE_CONTENT = ['tool_calls', 'function_call', 'refusal', 'audio']

/**
 * Returns the place of the first part of a message that is no text, such as an image or the call of a tool. Returns
 * undefined if there is none.
 */
function otherPart(messages: unknown): string | undefined {
  const places = objectsOf(messages).flatMap((message, i) => [
    ...objectsOf(message.content).flatMap(({ text }, j) =>
      typeof text === 'string' ? [] : [`messages[${i}].content[${j}]`],
    ),
    ...BESIDE_CONTENT.filter(name => isMeant(name, message[name])).map(name => `messages[${i}].${name}`),
  ])
  return places[0]
}
