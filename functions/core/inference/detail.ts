import { isObject, type Json } from '../domain/json-value.ts'
import { oneLine } from './one-line.ts'
import type { Answered } from './port.ts'
import { isPage } from './sentences.ts'

/** The most characters of the model's own words that are kept. */
const MAX_DETAIL = 500

/**
 * Returns the model's own words about a failure, on one line and without secrets. Returns undefined if there are none.
 */
export function detailOf(answered: Answered): string | undefined {
  const { body, status } = answered
  const isRefusal = status >= 400
  // The page of a redirect only names the new address. Its path may contain parts of the request, so nothing of the
  // page is kept.
  if (status >= 300 && !isRefusal) return undefined
  // A successful answer may contain a result, which must not be in a log. So only the fields of an error are read.
  if (body.kind === 'text') return isRefusal || isPage(answered, body.text) ? said(body.text) : undefined
  if (body.kind !== 'json') return undefined
  return isRefusal ? said(wordsIn(body.value, WORDS) ?? jsonOf(body.value)) : detailOfValue(body.value)
}

/**
 * Returns the words of the error in an answer, or in an element of a batch's answer. A list may contain errors, too. A
 * text may be a result, so it is not read.
 */
export function detailOfValue(value: unknown): string | undefined {
  const ones: readonly unknown[] = Array.isArray(value) ? value.slice(0, MAX_ELEMENTS) : [value]
  return said(ones.flatMap(one => (isObject(one) ? (wordsIn(one, fieldsOf(one)) ?? []) : [])).join('; '))
}

const fieldsOf = (value: Json): readonly string[] => (isBareError(value) ? [...ERRORS, 'message'] : ERRORS)

/**
 * Returns whether an answer is an error itself, without a field for the error: `{ "object": "error", "message": … }`, or
 * `{ "message": …, "code": 503 }`. Its message is the model's words, and no part of a result. The code may be a text. An
 * answer with a result is no error, and null is no result.
 */
function isBareError(value: Json): boolean {
  const fields = new Map(Object.entries(value))
  if (RESULTS.some(name => (fields.get(name) ?? null) !== null)) return false
  const code = fields.get('code')
  const hasCode = (typeof code === 'number' || typeof code === 'string') && /^[45]\d\d$/.test(String(code))
  return fields.get('object') === 'error' || hasCode
}

/** The fields of an answer that contain a result. */
const RESULTS = ['choices', 'data', 'output'] as const

const said = (text: string | undefined): string | undefined => oneLine(text ?? '', MAX_DETAIL) || undefined

/** The fields that may contain an error in any answer, even with a status below 300. */
const ERRORS = ['error', 'errors', 'detail'] as const
/** The fields that contain the words in the error bodies of model servers, in the order in which they are read. */
const WORDS = ['error', 'message', 'Message', 'detail', 'errors', 'msg', 'error_message', 'reason'] as const
/** How many errors of a list are read. */
const MAX_ELEMENTS = 5
/** How many levels of errors within errors are read. No server nests deeper. */
const MAX_LEVELS = 4

function wordsIn(value: unknown, fields: readonly string[], levels = MAX_LEVELS): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value
  if (typeof value !== 'object' || value === null || levels === 0) return undefined
  if (Array.isArray(value)) {
    const words = value.slice(0, MAX_ELEMENTS).flatMap(one => wordsIn(one, WORDS, levels - 1) ?? [])
    return words.length === 0 ? undefined : words.join('; ')
  }
  const given = new Map<string, unknown>(Object.entries(value))
  const code = given.get('code') ?? given.get('type')
  for (const name of fields) {
    const words = wordsIn(given.get(name), WORDS, levels - 1)
    if (words !== undefined) return withCode(words, code)
  }
  return levels < MAX_LEVELS && typeof code === 'string' ? code : undefined
}

/**
 * Adds the code of an error, such as `insufficient_quota`, to the words of the error. The code says more than some
 * sentences.
 */
const withCode = (words: string, code: unknown): string =>
  typeof code === 'string' && code !== '' && !words.includes(code) ? `${words} (${code})` : words

function jsonOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'object' && Object.keys(value).length === 0) return undefined
  return JSON.stringify(value)
}
