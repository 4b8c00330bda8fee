import { expect, test } from 'vitest'
import { escaped, printable } from '../../../lib/cli/printable.ts'

const deceptive = [
  '\u001b',
  '\u0085',
  '\u007f',
  '\r',
  '\u061c',
  '\u200b',
  '\u200e',
  '\u200f',
  '\u2028',
  '\u2029',
  '\u202a',
  '\u202e',
  '\u2060',
  '\u2066',
  '\u2069',
  '\ufeff',
  '\u{e0041}',
]

test.each(deceptive)('printable replaces %j, and escaped escapes it in JSON', found => {
  expect(printable(`a${found}b`)).toBe('a\ufffdb')
  expect(escaped(JSON.stringify({ a: `x${found}y` }))).toMatch(/^[ -~]+$/)
  expect(JSON.parse(escaped(JSON.stringify({ a: `x${found}y` })))).toEqual({ a: `x${found}y` })
})

test.each(['a\nb', 'a\tb', 'café', 'שלום', 'مرحبا', '👩\u200d💻', 'می\u200cخواهم', '\ufffd'])(
  'printable and escaped keep %j',
  shown => {
    expect(printable(shown)).toBe(shown)
    expect(escaped(shown)).toBe(shown)
  },
)
