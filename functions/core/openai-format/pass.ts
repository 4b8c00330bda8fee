import type { Operation } from '../domain/operation.ts'
import { type Json, without } from './json.ts'
import { responseToChat } from './to-chat.ts'
import { chatToResponse } from './to-response.ts'
import type { Translated } from './translated.ts'

/** The operations that have service tiers in the OpenAI API. */
export const TIERED: readonly Operation[] = ['chat.completions', 'responses']

/**
 * Returns the body that an OpenAI-like endpoint gets for a stored body: the client's body, with the endpoint's name of
 * the model, and without the fields that Sluice itself uses. `metadata` is passed on only to the Responses API, and to
 * chat completions with `store`. OpenAI refuses it in any other chat, and has no such field for a completion or
 * embeddings. The service tier "priority" is Sluice's priority. It is not passed on, because it would also buy priority
 * at the endpoint.
 */
export function passedBody(operation: Operation, body: Json, model: string): Json {
  const { prompts, prompt } = body
  const isStored = operation === 'responses' || (operation === 'chat.completions' && body.store === true)
  const isUnstored = isStored ? [] : ['metadata']
  const isSluices = body.service_tier === 'priority' || !TIERED.includes(operation) ? ['service_tier'] : []
  const rest = without(body, 'prompt', 'prompts', 'stream', 'stream_options', 'background', ...isSluices, ...isUnstored)
  return { ...rest, ...(operation === 'completions' && { prompt: prompts ?? prompt }), model }
}

/** The substitute for each operation that an endpoint may lack: an operation to which the body can be translated. */
export const STAND_INS: Readonly<Partial<Record<Operation, Operation>>> = {
  'chat.completions': 'responses',
  responses: 'chat.completions',
}

/** Translates the body of an operation to the body of its substitute. */
export const translatedBody = (operation: Operation, body: Json): Translated =>
  operation === 'responses' ? responseToChat(body) : chatToResponse(body)

/**
 * The list that each answer of an operation must have. The list of a response may be empty, because the model may have
 * used up its tokens before its first word.
 */
export const ANSWER_LISTS = {
  'chat.completions': { field: 'choices', may_be_empty: false },
  completions: { field: 'choices', may_be_empty: false },
  embeddings: { field: 'data', may_be_empty: false },
  responses: { field: 'output', may_be_empty: true },
} as const satisfies Record<Operation, unknown>
