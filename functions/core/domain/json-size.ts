import { endOfString, QUOTE } from './json-string.ts'
import { MAX_DEPTH } from './text.ts'

/** How large the value of a JSON text is, apart from the length of its texts. */
export interface JsonSize {
  /** Texts, numbers, literals, lists and objects, wherever they are; field names are not counted. */
  readonly values: number
  /** How many of them are lists and objects. */
  readonly containers: number
  /** Fields of objects. */
  readonly fields: number
  /** How many lists and objects are in one another at the deepest place. */
  readonly depth: number
}

const COMMA = 0x2c
const COLON = 0x3a
const SPACE = 0x20
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * Measures a JSON text without parsing it: a parsed value can take twenty times the memory of its text, a scan takes none.
 * Exact for valid JSON: each value but the first of a list or an object follows a comma. For any other text the numbers are
 * those of its brackets, commas and colons, up to the first bracket that closes nothing: no parser goes beyond that either.
 * It ends early once there are more values than `enough`.
 */
export function measureJson(text: string, enough = Number.POSITIVE_INFINITY): JsonSize {
  let values = 1
  let containers = 0
  let fields = 0
  let depth = 0
  let deepest = 0
  // A list or an object has just begun: what comes next is its first value, or its end.
  let hasBegun = false
  for (let at = 0; at < text.length && values <= enough; at++) {
    const code = text.charCodeAt(at)
    if (code <= SPACE) continue
    const isEnd = code === LIST_END || code === OBJECT_END
    if (hasBegun && !isEnd) values += 1
    hasBegun = code === LIST || code === OBJECT
    if (hasBegun) {
      containers += 1
      depth += 1
      deepest = Math.max(deepest, depth)
    } else if (isEnd) {
      depth -= 1
      if (depth < 0) break
    } else if (code === COMMA) values += 1
    else if (code === COLON) fields += 1
    else if (code === QUOTE) at = endOfString(text, at)
  }
  return { values, containers, fields, depth: deepest }
}

/** The most values of a body: a prompt with its messages and parameters has a few thousand at most. */
export const MAX_BODY_VALUES = 50_000

/** What is too large about the body of a submission, as a sentence's end. */
export function tooLargeForBody(text: string): string | undefined {
  const { values, depth } = measureJson(text, MAX_BODY_VALUES)
  if (depth > MAX_DEPTH) return `is nested over ${MAX_DEPTH} deep`
  if (values > MAX_BODY_VALUES) return 'has over 50,000 JSON values, counted by its commas and brackets'
  return undefined
}

/**
 * The most lists, objects and fields of a model's answer together: with those, its value takes about as much memory as that of
 * an answer of the same length that is one text. Numbers and texts in lists take little; an embedding is one list.
 */
export const MAX_ANSWER_PARTS = 500_000

/**
 * How deep a model's answer may be nested. It is deeper than a result may be, since the response mapping may leave most of it out. It is
 * far from the depth at which JavaScript's functions for JSON fail.
 */
export const MAX_ANSWER_DEPTH = 1_000

/** What is too large about a model's answer, as a sentence's end. */
export function tooLargeForAnswer(text: string): string | undefined {
  const { containers, fields, depth } = measureJson(text)
  if (depth > MAX_ANSWER_DEPTH) return 'is nested over 1,000 deep'
  if (containers + fields > MAX_ANSWER_PARTS) return 'has over 500,000 lists, objects and fields'
  return undefined
}
