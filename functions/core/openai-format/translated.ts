import { isObject, type Json, objectsOf } from './json.ts'
import { isMeant } from './meant.ts'

/** A body of one operation that was made from a body of another one. */
export interface Translated {
  readonly body: Json
  /** What the other operation has no place for. With one of them, the body does not say the same. */
  readonly lost: readonly Lost[]
}

/** A part of a body that is lost in a translation. */
export interface Lost {
  /** The field of the body. */
  readonly field: string
  /** The field, or a place in it, such as `input[0].content[1]`. */
  readonly place: string
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

/** Whole fields that are lost. */
export const lostFields = (fields: readonly string[]): Lost[] => fields.map(field => ({ field, place: field }))

/** Places in one field that are lost. */
export const lostPlaces = (field: string, places: readonly string[]): Lost[] => places.map(place => ({ field, place }))

/** Returns the names of fields that ask for something. */
export const meantIn = (fields: Json): string[] =>
  Object.entries(fields).flatMap(([name, value]) => (isMeant(name, value) ? [name] : []))

/** Tools and choices of tools that are no functions: each operation has its own. */
export const otherTools = ({ tools, tool_choice: choice }: Json): string[] => [
  ...(objectsOf(tools).some(({ type }) => type !== 'function') ? ['tools'] : []),
  ...(isObject(choice) && choice.type !== 'function' ? ['tool_choice'] : []),
]

/**
 * Returns the places of the parts of a content that `translate` has no translation for. A content that is a text has
 * none.
 */
export const lostParts = (content: unknown, place: string, translate: (part: Json) => Json | undefined): string[] =>
  Array.isArray(content)
    ? content.flatMap((part, i) => (isObject(part) && translate(part) ? [] : [`${place}[${i}]`]))
    : []
