import { flat, SPACES } from './one-line.ts'

/** A text that was made from another text, with the place of each of its characters in the other text. */
export interface Reading {
  readonly text: string
  /** For each index of `text`: the beginning of the character in the other text. */
  readonly from: readonly number[]
  /** For each index of `text`: the end of the character in the other text. */
  readonly to: readonly number[]
}

/** A replacement of all matches of a pattern. */
type Step = readonly [pattern: RegExp, replace: (found: string) => string]

/** Matches one percent-encoded character, in UTF-8. */
const PERCENT = /%[0-7][\da-f]|%[cd][\da-f]%[89ab][\da-f]|%e[\da-f](?:%[89ab][\da-f]){2}|%f[0-7](?:%[89ab][\da-f]){3}/gi
const PERCENT_OR_PLUS = new RegExp(`${PERCENT.source}|\\+`, 'gi')

/**
 * The decoders of the forms in which a model may quote a prompt. Rare forms are not decoded, such as octal escapes and
 * named entities of HTML beyond the most usual ones.
 */
const decoders: readonly Step[] = [
  // Strings of JSON, JavaScript and Python
  [/\\(?:u[\da-f]{4}|u\{[\da-f]{1,6}\}|x[\da-f]{2}|["'\\/bfnrt])/gi, fromBackslash],
  // Bytes of Python, in UTF-8
  [/(?:\\x[\da-f]{2})+/gi, found => Buffer.from(found.replaceAll(/\\x/gi, ''), 'hex').toString()],
  // URLs
  [PERCENT, fromPercent],
  // HTML forms
  [PERCENT_OR_PLUS, found => (found === '+' ? ' ' : fromPercent(found))],
  // HTML and XML
  [/&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[\da-f]{1,6});/gi, fromEntity],
]

/** The most forms around each other that are decoded, such as JSON in HTML. */
const MAX_LAYERS = 2

/**
 * Returns all readings of a short text, with a line break between two readings: the text as it is, and the text as each
 * decoder reads it. A prompt may contain escapes itself, so it is not known which reading is the right one. The
 * readings are plain.
 */
export function readingsOf(text: string): Reading {
  const places = [...Array(text.length).keys()]
  const readings: Reading[] = [{ text, from: places, to: places.map(at => at + 1) }]
  for (let layer = 0; layer < MAX_LAYERS; layer++)
    for (const reading of [...readings])
      for (const decoder of decoders) {
        const decoded = replaced(reading, decoder)
        if (readings.every(known => known.text !== decoded.text)) readings.push(decoded)
      }
  const all = readings.map(reading => replaced(replaced(reading, [SPACES, () => ' ']), [/./gsu, fold]))
  return {
    text: all.map(reading => reading.text).join('\n'),
    // The line break has no place in the text.
    from: all.flatMap(({ from }) => [...from, 0]),
    to: all.flatMap(({ to }) => [...to, 0]),
  }
}

/** Returns a text in its plain form: on one line, and in one letter case. */
export const plain = (text: string): string => fold(flat(text))

/** Returns a text in one letter case. Some characters have an upper case or a lower case of several characters. */
const fold = (text: string): string =>
  text.toWellFormed().toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ')

function replaced({ text, from, to }: Reading, [pattern, replace]: Step): Reading {
  const parts: string[] = []
  const places: { from: number[]; to: number[] } = { from: [], to: [] }
  let at = 0
  const keepUntil = (end: number) => {
    parts.push(text.slice(at, end))
    places.from.push(...from.slice(at, end))
    places.to.push(...to.slice(at, end))
  }
  for (const { 0: found, index } of text.matchAll(pattern)) {
    keepUntil(index)
    at = index + found.length
    const replacement = replace(found)
    parts.push(replacement)
    places.from.push(...Array<number>(replacement.length).fill(from[index] ?? 0))
    places.to.push(...Array<number>(replacement.length).fill(to[at - 1] ?? 0))
  }
  keepUntil(text.length)
  return { text: parts.join(''), ...places }
}

function fromBackslash(found: string): string {
  const kind = found.charAt(1).toLowerCase()
  if (kind === 'u' || kind === 'x') return fromCode(Number.parseInt(found.slice(2).replace('{', ''), 16))
  return 'bfnrt'.includes(kind) ? ' ' : kind
}

function fromPercent(found: string): string {
  return Buffer.from(found.replaceAll('%', ''), 'hex').toString()
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function fromEntity(found: string): string {
  const name = found.slice(1, -1).toLowerCase()
  if (!name.startsWith('#')) return ENTITIES[name] ?? found
  return fromCode(Number(name.replace('#x', '0x').replace('#', '')))
}

const fromCode = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd')
