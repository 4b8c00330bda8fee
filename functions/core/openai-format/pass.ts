import type { Operation } from '../domain/operation.ts'
import { type Json, without } from './json.ts'
import { responseToChat } from './to-chat.ts'
import { chatToResponse } from './to-response.ts'
import type { Translated } from './translated.ts'

/**
 * Returns the body that an OpenAI-like endpoint gets for a stored body: what the client has sent, with the endpoint's
 * name of the model, and without what Sluice has dealt with itself. `metadata` without `store` is Sluice's alone, since
 * OpenAI refuses it in a chat, and has no such field for a completion or embeddings. The service tier "priority" is
 * Sluice's priority: passed on, it would also buy priority at the endpoint.
 */
export function passedBody(operation: Operation, body: Json, model: string): Json {
  const { prompts, prompt } = body
  const isStored = operation === 'responses' || (operation === 'chat.completions' && body.store === true)
  const isUnstored = isStored ? [] : ['metadata']
  const hasTiers = operation === 'responses' || operation === 'chat.completions'
  const isSluices = body.service_tier === 'priority' || !hasTiers ? ['service_tier'] : []
  const rest = without(body, 'prompt', 'prompts', 'stream', 'stream_options', 'background', ...isSluices, ...isUnstored)
  return { ...rest, ...(operation === 'completions' && { prompt: prompts ?? prompt }), model }
}

/** The operation that can stand in for another one at an endpoint that lacks it. */
export const STAND_INS: Readonly<Partial<Record<Operation, Operation>>> = {
  'chat.completions': 'responses',
  responses: 'chat.completions',
}

/** Returns the body of the operation that stands in. */
export const translatedBody = (operation: Operation, body: Json): Translated =>
  operation === 'responses' ? responseToChat(body) : chatToResponse(body)

/** The list that no answer of an operation lacks. A response may have used up its tokens before it said anything. */
export const ANSWER_LISTS = {
  'chat.completions': { field: 'choices', may_be_empty: false },
  completions: { field: 'choices', may_be_empty: false },
  embeddings: { field: 'data', may_be_empty: false },
  responses: { field: 'output', may_be_empty: true },
} as const satisfies Record<Operation, unknown>
