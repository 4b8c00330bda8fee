import { isObject, type Json, objectsOf } from './json.ts'
import { isMeant } from './meant.ts'

/** The body of a call that was translated for another operation (from chat completions to OpenAI's Responses API, or back). */
export interface Translated {
  readonly body: Json
  /**
   * The parts that the new operation can't express. If there are any, the new body does not mean the same as the old
   * one, so the gateway refuses the request, or the worker fails it.
   */
  readonly lost: readonly Lost[]
}

/** A part of a body that is lost in a translation. */
export interface Lost {
  /** The field of the body. */
  readonly field: string
  /** The field, or a place in it, such as `input[0].content[1]`. */
  readonly place: string
}

/** Fields that the bodies for chat completions and for the Responses API have under the same name. */
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

/** Makes the list of lost parts from whole fields. */
export const lostFields = (fields: readonly string[]): Lost[] => fields.map(field => ({ field, place: field }))

/** Makes the list of lost parts from places in one field. */
export const lostPlaces = (field: string, places: readonly string[]): Lost[] => places.map(place => ({ field, place }))

/** Returns the names of the fields whose values ask the model for something, and not only for its usual behaviour. */
export const meantIn = (fields: Json): string[] =>
  Object.entries(fields).flatMap(([name, value]) => (isMeant(name, value) ? [name] : []))

/**
 * Returns the fields that contain a tool, or the choice of a tool, that is no function. Such tools can't be translated,
 * because each operation has its own.
 */
export const otherTools = ({ tools, tool_choice: choice }: Json): string[] => [
  ...(objectsOf(tools).some(({ type }) => type !== 'function') ? ['tools'] : []),
  ...(isObject(choice) && choice.type !== 'function' ? ['tool_choice'] : []),
]

/**
 * Returns the places of those parts of a content for which `translate` returns undefined. A content that is a text has
 * no parts.
 */
export const lostParts = (content: unknown, place: string, translate: (part: Json) => Json | undefined): string[] =>
  Array.isArray(content)
    ? content.flatMap((part, i) => (isObject(part) && translate(part) ? [] : [`${place}[${i}]`]))
    : []
