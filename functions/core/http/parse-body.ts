import type * as z from 'zod'
import { RequestError } from '../domain/errors.ts'
import { rewriteNumbers } from '../domain/json-numbers.ts'
import { tooLargeForBody } from '../domain/json-size.ts'
import { check, type Problem } from '../domain/problems.ts'
import { findHostileText } from '../domain/text.ts'

/** The largest body, in bytes: 4 MB, with 1,048,576 bytes per MB. API Gateway itself would accept 10 MB. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024

/**
 * Parses a body of JSON by the schema of an API. It skips a byte order mark at the beginning. A field that is null
 * counts as absent. Throws a `RequestError` that names the problem and its place. It also refuses bodies with too many
 * bytes, levels or values, and with characters that no store keeps.
 */
export function parseBodyAs<Schema extends z.ZodType>(schema: Schema, bytes: string): z.infer<Schema> {
  const text = bytes.replace(BYTE_ORDER_MARK, '')
  if (Buffer.byteLength(text) > MAX_BODY_BYTES)
    throw new RequestError('payload_too_large', 'the body is larger than 4 MB')
  // This check comes before the parsing. The parsed values of a few such bodies at the same time would take all the
  // memory.
  const tooLarge = tooLargeForBody(text)
  if (tooLarge) throw invalid([{ path: '', message: tooLarge }])
  const json = parseJson(text)
  const hostile = findHostileText(json)
  if (hostile) throw invalid([hostile])
  const checked = check(schema, withoutNulls(json))
  if ('data' in checked) return checked.data
  throw invalid(checked.problems)
}

const BYTE_ORDER_MARK = /^\ufeff/

const withoutNulls = (json: unknown): unknown =>
  typeof json === 'object' && json !== null && !Array.isArray(json)
    ? Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null))
    : json

function parseJson(text: string): unknown {
  try {
    // A number that JavaScript can't hold as it is written becomes a mark, i.e. a special text. `findHostileText` then
    // finds the mark, and the body is refused.
    return JSON.parse(rewriteNumbers(text, 'marks'))
  } catch {
    // The parser's own message is not used, because it quotes the body, and no log may contain a prompt.
    throw invalid([{ path: '', message: 'is not valid JSON' }])
  }
}

function invalid(problems: Problem[]): RequestError {
  const [first] = problems
  const where = first?.path ? `\`${first.path}\`` : 'the body'
  return new RequestError('invalid_request', `${where} ${first?.message}`, { problems })
}
