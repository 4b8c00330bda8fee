import { type Json, objectsOf } from './json.ts'

/** A body of one operation that was made from a body of another one. */
export interface Translated {
  readonly body: Json
  /** The fields that the other operation has no place for. With one of them, the body does not say the same. */
  readonly lost: readonly string[]
}

/** Fields that the bodies of chat completions and of responses have under the same name. */
export const SAME: readonly string[] = [
  ...[
    'model',
    'temperature',
    'top_p',
    'parallel_tool_calls',
    'user',
    'metadata',
    'store',
    'service_tier',
    'top_logprobs',
  ],
  ...['safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
]

export const sameIn = (body: Json): Json => Object.fromEntries(SAME.map(name => [name, body[name]]))

/** Items of a response's input that a chat can say. Reasoning is left out, since no chat completion takes it. */
const TRANSLATABLE: readonly unknown[] = [undefined, 'message', 'function_call', 'function_call_output', 'reasoning']

/** `input`, if it has an item that a chat can't say. */
export const untranslatable = (input: unknown): string[] =>
  objectsOf(input).some(({ type }) => !TRANSLATABLE.includes(type)) ? ['input'] : []
