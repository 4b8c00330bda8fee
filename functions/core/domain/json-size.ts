import { endOfString, QUOTE } from './json-string.ts'
import { MAX_DEPTH } from './text.ts'

/** The size of the value that a JSON text has, without the length of its strings. */
export interface JsonSize {
  /** The number of strings, numbers, literals, lists and objects at all levels. Names of fields are not counted. */
  readonly values: number
  /** The number of lists and objects among these values. */
  readonly containers: number
  /** The number of fields of objects. */
  readonly fields: number
  /** The number of levels of lists and objects at the deepest place. */
  readonly depth: number
}

const COMMA = 0x2c
const COLON = 0x3a
const SPACE = 0x20
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * Measures a JSON text without parsing it. A parsed value can take twenty times the memory of its text. The measurement
 * takes no memory, so a text that is too large can be refused before it is parsed. The result is exact for valid JSON,
 * because each value except the first of a list or an object follows a comma. If the text is not valid JSON, the
 * function counts brackets, commas and colons up to the first bracket that closes nothing. A parser does not read
 * beyond that bracket either. The function stops early if there are more values than `enough`.
 */
export function measureJson(text: string, enough = Number.POSITIVE_INFINITY): JsonSize {
  let values = 1
  let containers = 0
  let fields = 0
  let depth = 0
  let deepest = 0
  // Whether a list or an object has just begun. Then the next token is its first value, or its end.
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

/**
 * The most JSON values of a body. Without a limit, a few parsed bodies could use up a function's memory. A usual body,
 * with its messages and parameters, has a few thousand values at most.
 */
export const MAX_BODY_VALUES = 50_000

/**
 * Returns the reason why the body of a submission is too large, as the end of a sentence. Returns undefined if the body
 * is not too large.
 */
export function tooLargeForBody(text: string): string | undefined {
  const { values, depth } = measureJson(text, MAX_BODY_VALUES)
  if (depth > MAX_DEPTH) return `is nested over ${MAX_DEPTH} deep`
  if (values > MAX_BODY_VALUES) return 'has over 50,000 JSON values, counted by its commas and brackets'
  return undefined
}

/**
 * The most lists, objects and fields together in a model's answer. After parsing, an answer with this number of parts
 * takes about as much memory as an answer of the same length that is a single string. Numbers and strings in lists do
 * not count, because they take little memory. So an embedding counts as one list. An answer with more parts could use
 * up a worker's memory.
 */
export const MAX_ANSWER_PARTS = 500_000

/**
 * Returns the reason why a model's answer of this size is too large, as the end of a sentence. Returns undefined if the
 * answer is not too large.
 */
export const tooLargeForAnswer = ({ containers, fields }: JsonSize): string | undefined =>
  containers + fields > MAX_ANSWER_PARTS ? 'has over 500,000 lists, objects and fields' : undefined
