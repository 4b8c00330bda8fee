import { rewriteNumbers } from '../domain/json-numbers.ts'
import { measureJson, tooLargeForAnswer } from '../domain/json-size.ts'
import { cutDeepParts } from './cut-deep-parts.ts'
import { DecodedTooLarge, decodeContent, Undecodable } from './decode-content.ts'
import { decodeText } from './decode-text.ts'
import { isEventStream, joinChunks } from './join-stream.ts'
import type { Body } from './port.ts'

/**
 * The largest answer that is read, in bytes, both as it is sent and as it is decoded. It is larger than the largest
 * result, because the response mapping may leave most of the answer out. A worker's memory has room for ten such
 * answers when they are parsed.
 */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024

export const TOO_LARGE: Body = {
  kind: 'unusable',
  code: 'result_too_large',
  message: "the model's answer is larger than 8 MB",
}

/**
 * Reads the body of an answer with any bytes. The names of `headers` are in lower case. Some models quote the key of a
 * call in their errors, so `secret` is masked. Otherwise users and logs would see it. Never rejects because of the
 * bytes.
 */
export async function readBody(
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
  secret?: string,
): Promise<Body> {
  try {
    const decoded = await decodeContent(bytes, headers['content-encoding'], MAX_ANSWER_BYTES)
    return readText(masked(decodeText(decoded, headers['content-type']), secret))
  } catch (error) {
    if (error instanceof DecodedTooLarge) return TOO_LARGE
    if (error instanceof Undecodable) return unusable(error.message)
    throw error
  }
}

/** The shortest secret that is masked, in characters. A shorter secret could be found in any text by chance. */
const MIN_SECRET_LENGTH = 8

const masked = (text: string, secret = ''): string =>
  secret.length < MIN_SECRET_LENGTH ? text : text.replaceAll(secret, '***')

function readText(text: string): Body {
  if (text.trim() === '') return { kind: 'empty' }
  // The size is checked before the text is parsed: 8 MB of empty objects become a value of 180 MB, and a worker may
  // have ten answers at the same time.
  const size = measureJson(text)
  const tooLarge = tooLargeForAnswer(size)
  if (tooLarge) return unusable(tooLarge)
  const value = parse(text, size.depth)
  if (value !== undefined) return { kind: 'json', value }
  if (isEventStream(text)) return readEvents(text)
  const why = isLines(text, size.depth) ? `is a stream of JSON lines, and no JSON: ${NO_STREAM}` : 'is not JSON'
  return { kind: 'text', text, why }
}

const NO_STREAM = 'set `stream` to false in the request mapping'

function readEvents(text: string): Body {
  const joined = joinChunks(text, parse)
  if (joined !== undefined) return { kind: 'json', value: joined }
  return { kind: 'text', text, why: `is a stream of server-sent events, and no JSON: ${NO_STREAM}` }
}

/** Returns whether a text is a stream of JSON objects, one per line. */
function isLines(text: string, depth: number): boolean {
  const [first = '', second = ''] = text.trim().split(/\r?\n/, 2)
  return [first, second].every(line => line.startsWith('{') && parse(line, depth) !== undefined)
}

/**
 * The most levels of an answer that are kept. `JSON.parse` can read any number of levels, but JSONata and
 * `JSON.stringify` fail after a few thousand levels, even if the response mapping leaves the deep part out. A result
 * may have only 100 levels, so it can't contain a deeper part.
 */
const MAX_LEVELS = 1_000

/**
 * Parses JSON with `depth` levels, with null in place of parts that are too deep. Returns undefined if the text is not
 * JSON.
 */
function parse(text: string, depth: number): unknown {
  try {
    const value: unknown = JSON.parse(rewriteNumbers(text.trim(), 'texts'))
    if (depth > MAX_LEVELS) cutDeepParts(value, MAX_LEVELS)
    return value
  } catch {
    return undefined
  }
}

const unusable = (why: string): Body => ({
  kind: 'unusable',
  code: 'invalid_model_response',
  message: `the model's answer ${why}`,
})
