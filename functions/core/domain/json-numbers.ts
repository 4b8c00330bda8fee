import { endOfString, QUOTE } from './json-string.ts'

/**
 * The beginning of a mark, i.e. of a text that replaces a number which JavaScript can't hold. It can't be confused with
 * another text, because no stored text contains U+0000.
 */
const MARK = '\u0000number: '

const TOKEN = /[+-]?(?:nan|inf(?:inity)?\b|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/iy
const BEGINS_TOKEN = new Set([...'+-0123456789niNI'].map(character => character.charCodeAt(0)))

/**
 * The form of an integer beyond 2^53. With `texts`, the integer becomes a text of its digits if it is written without a
 * point and an exponent. With `marks`, it becomes a mark if all its digits are written and it would lose some of them, and
 * otherwise stays a number. `12345678901234567.0` and `1.2345678901234567e16` are written with all digits. `1e23` and
 * `1.5e300` are not: like fractions, they may be rounded.
 */
type LongIntegers = 'texts' | 'marks'

/**
 * A fast search for numbers that may have to be rewritten. If it finds nothing, the text stays as it is. Otherwise each
 * number is checked.
 */
const SUSPICIOUS: Readonly<Record<LongIntegers, RegExp>> = {
  texts: /nan|inf|(?<![\d.])\d{16}|e\+?\d{3}/i,
  marks: /nan|inf|(?<![\d.])(?:\d{16}|[\d.]{16,}e\+?\d)|e\+?\d{3}/i,
}

/**
 * Rewrites a JSON text, so that no number in it changes silently when JavaScript parses it. `longIntegers` says how
 * integers beyond 2^53 are rewritten. `NaN`, `Infinity` and a number as large as 1e400 become marks.
 */
export function rewriteNumbers(text: string, longIntegers: LongIntegers): string {
  if (!SUSPICIOUS[longIntegers].test(text)) return text
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    if (!BEGINS_TOKEN.has(code)) continue
    const token = tokenAt(text, at)
    const written = rewritten(token, longIntegers)
    if (written !== undefined) {
      parts.push(text.slice(from, at), written)
      from = at + token.length
    }
    at += Math.max(0, token.length - 1)
  }
  return parts.join('') + text.slice(from)
}

function tokenAt(text: string, at: number): string {
  TOKEN.lastIndex = at
  return TOKEN.exec(text)?.[0] ?? ''
}

/**
 * Returns the JSON text that replaces a number. Returns undefined if the number can stay, or if the token is no number.
 */
function rewritten(token: string, longIntegers: LongIntegers): string | undefined {
  if (token === '' || Number.isSafeInteger(Number(token))) return undefined
  if (!Number.isFinite(Number(token)) && !PLAIN_INTEGER.test(token)) return markOf(token)
  if (longIntegers === 'texts') return PLAIN_INTEGER.test(token) ? `"${token}"` : undefined
  const integer = integerOf(token)
  return integer === undefined || isExact(integer) ? undefined : markOf(integer)
}

const PLAIN_INTEGER = /^-?\d+$/

/**
 * Returns the digits of an integer, also if it is written with a point or an exponent. Returns undefined if the number is
 * no integer, or if not all digits of the integer are written.
 */
function integerOf(token: string): string | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = WRITTEN.exec(token) ?? []
  const digits = whole + fraction
  const point = Math.max(0, whole.length + Number(exponent))
  if (digits === '' || point > digits.length || /[1-9]/.test(digits.slice(point))) return undefined
  return sign + digits.slice(0, point).replace(/^0+(?=\d)/, '')
}

const WRITTEN = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i

const markOf = (token: string): string => JSON.stringify(MARK + token.slice(0, 40))

function isExact(digits: string): boolean {
  const value = Number(digits)
  return Number.isFinite(value) && BigInt(digits) === BigInt(value)
}

/**
 * Returns the problem of the number that a mark stands for, as the end of a sentence. Returns undefined if the text is
 * no mark.
 */
export function problemOfMark(text: string): string | undefined {
  if (!text.startsWith(MARK)) return undefined
  const token = text.slice(MARK.length)
  return /^-?\d+$/.test(token)
    ? 'is an integer beyond 2^53, which would lose its last digits: send it as a text'
    : `is ${token}, a number that JSON can't hold`
}

/**
 * Finds the first number in a value that is no valid JSON number, such as `NaN` or `1e400`. Returns the text of this
 * number.
 */
export function findImpossibleNumber(value: unknown): string | undefined {
  if (typeof value === 'string') return value.startsWith(MARK) ? value.slice(MARK.length) : undefined
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value)
  if (typeof value !== 'object' || value === null) return undefined
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    const found = findImpossibleNumber(part)
    if (found !== undefined) return found
  }
  return undefined
}
