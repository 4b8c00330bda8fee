import { cut } from '../domain/text.ts'

/**
 * The part of a text that is searched for secrets, as a multiple of the length that is kept. It is longer than the kept
 * part, so that a secret at the end of the kept part is found as a whole.
 */
const LOOKED_AT = 4

/**
 * Returns a text from a model for a sentence or a log line: on one line, without control characters, keys and
 * identifiers of AWS, and with at most `max` characters.
 */
export function oneLine(text: string, max: number): string {
  return cut(
    MASKS.reduce((masked, [pattern, mask]) => masked.replace(pattern, mask), flat(text.slice(0, max * LOOKED_AT))),
    max,
  )
}

/** Matches spaces, line breaks and control characters. */
export const SPACES = /[\p{Cc}\p{Zl}\p{Zp}\s]+/gu

/** Returns a text on one line, without control characters. */
export const flat = (text: string): string => text.toWellFormed().replace(SPACES, ' ').trim()

/** The patterns that are masked. A model may quote the headers of a call, or name the account in which it runs. */
const MASKS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic|Token)\s+[^\s"',;]{8,}/gi, '$1 ***'],
  [/\b(sk|pk|rk|hf|gsk|xai|key|api)[-_][A-Za-z0-9_*-]{8,}/g, '***'],
  [/\bAIza[\w-]{20,}/g, '***'],
  [/\beyJ[\w-]{10,}\.[\w-]{5,}[\w.-]*/g, '***'],
  [/\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b/g, '***'],
  [/\barn:aws[\w-]*:[^\s"'<>,;)]*/g, 'arn:***'],
  [/\b\d{12}\b/g, '***'],
  // The frames of a stack trace show how a server is built, and say nothing about the failure.
  [/\s*\bat [^\n"]{1,200}?:\d+:\d+\)?/g, ''],
]
