import type * as z from 'zod'
import { ApiError } from '../domain/errors.ts'
import { tooLargeForBody } from '../domain/json-size.ts'
import { type Problem, problemsOf } from '../domain/problems.ts'
import { Submission } from '../domain/submission.ts'
import { findHostileText } from '../domain/text.ts'

/** 4 MB as API clients count it; API Gateway itself takes 10. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024

/** The body of a submission. Throws `ApiError`: what is wrong with it, and where. */
export const parseBody = (text: string): Submission => parseAs(Submission, text)

/** The same for a body that has more fields. */
export function parseAs<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> {
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) throw new ApiError('payload_too_large', 'the body is larger than 4 MB')
  // Before it is parsed: a few such bodies at a time would take all the memory that there is.
  const tooLarge = tooLargeForBody(text)
  if (tooLarge) throw invalid([{ path: '', message: tooLarge }])
  const json = parseJson(text)
  const hostile = findHostileText(json)
  if (hostile) throw invalid([hostile])
  const parsed = schema.safeParse(json, { reportInput: true })
  if (parsed.success) return parsed.data
  throw invalid(problemsOf(parsed.error))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the body.
    throw invalid([{ path: '', message: 'is not valid JSON' }])
  }
}

function invalid(details: Problem[]): ApiError {
  const [first] = details
  const where = first?.path ? `\`${first.path}\`` : 'the body'
  return new ApiError('invalid_request', `${where} ${first?.message}`, { body: { details } })
}
