import { Scalar } from 'yaml'

// Matches one character of a double-quoted scalar as it is written.
const ESCAPED = /\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)|./gis
const ESCAPED_SPACE = /^\\[nrtvfNLP_ \t\r\n]$/
const IN_SINGLE_QUOTES = /''|./gs

/**
 * Converts a place in a scalar's parsed `value` to the place in the YAML text. Both count characters from 0. YAML changes white space
 * (indentation, folding) and has escapes, so the function counts the characters that are not white space. For a white space it
 * gives the place of the next character.
 */
export function sourceOffset(scalar: Scalar, value: unknown, text: string, valueOffset: number): number {
  const [start, end] = scalar.range ?? [0, 0]
  const before = String(value).slice(0, valueOffset).replace(/\s/g, '').length
  const written = [...writtenCharacters(scalar.type, text.slice(start, end))]
  const last = written.at(-1)
  return start + (written[before]?.index ?? (last ? last.index + last.length : 0))
}

interface Written {
  index: number
  length: number
}

function* writtenCharacters(type: string | undefined, source: string): Generator<Written> {
  const { from, to, pattern } = bounds(type, source)
  for (const { 0: character, index } of source.slice(from, to).matchAll(pattern)) {
    const isSpace = /^\s$/.test(character) || ESCAPED_SPACE.test(character)
    if (!isSpace) yield { index: from + index, length: character.length }
  }
}

function bounds(type: string | undefined, source: string): { from: number; to: number; pattern: RegExp } {
  switch (type) {
    case Scalar.QUOTE_DOUBLE:
      return { from: 1, to: source.length - 1, pattern: ESCAPED }
    case Scalar.QUOTE_SINGLE:
      return { from: 1, to: source.length - 1, pattern: IN_SINGLE_QUOTES }
    case Scalar.BLOCK_LITERAL:
    case Scalar.BLOCK_FOLDED:
      // The first line is the header, such as `|-`.
      return { from: source.indexOf('\n') + 1, to: source.length, pattern: /./gs }
    default:
      return { from: 0, to: source.length, pattern: /./gs }
  }
}
