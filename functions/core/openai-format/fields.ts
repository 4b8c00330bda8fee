import type { Operation } from '../domain/operation.ts'
import { type Json, without } from './json.ts'
import { textsOf } from './texts.ts'
import { responseToChat } from './to-chat.ts'

/** Fields that are no parameters of the model: the texts, and the fields that Sluice itself uses. */
export const NO_PARAMETERS = [
  ...['model', 'messages', 'input', 'instructions', 'prompt', 'prompts', 'stream', 'stream_options', 'background'],
  ...['metadata', 'service_tier', 'store', 'user', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
]

/**
 * Returns the fields of a body of the OpenAI API as routing, an `estimate` and a `request` mapping get them. These are
 * the fields of the body itself, and in addition: `prompt` with the texts of the body, `messages` for a chat or a
 * response, `parameters` with all settings of the model such as bounds, and `operation`.
 */
export function fieldsOf(operation: Operation, body: Json): Json & { readonly prompt: string } {
  const isResponse = operation === 'responses'
  const chat = isResponse ? responseToChat(body).body : body
  return {
    // Only a chat has messages. In other bodies, they are removed, because an estimate would count them instead of the
    // texts that the model gets. A client could then reserve fewer tokens than its request needs.
    ...(operation === 'chat.completions' ? body : without(body, 'messages')),
    prompt: textsOf(operation, body),
    ...(isResponse && { messages: chat.messages }),
    parameters: without(chat, ...NO_PARAMETERS),
    operation,
  }
}
