import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findHostileText, MAX_DEPTH, toAsciiJson } from '../../../../../functions/core/domain/text.ts'

const aJsonValue = () => fc.jsonValue({ stringUnit: 'binary' })

const nested = (depth: number): unknown => {
  let value: unknown = 'end'
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

describe('toAsciiJson', () => {
  it('keeps every JSON value through a round trip', () => {
    fc.assert(
      fc.property(aJsonValue(), value => {
        expect(JSON.stringify(JSON.parse(toAsciiJson(value)))).toBe(JSON.stringify(value))
      }),
    )
  })

  it('writes only ASCII, and no control characters', () => {
    fc.assert(
      fc.property(aJsonValue(), value => {
        expect(toAsciiJson(value)).toMatch(/^[\u0020-\u007e]*$/)
      }),
    )
  })

  it.each([
    { text: 'é', json: '"\\u00e9"' },
    { text: '\uffff', json: '"\\uffff"' },
    { text: '\u{1f600}', json: '"\\ud83d\\ude00"' },
    { text: '\u007f', json: '"\\u007f"' },
    { text: '"\\\n', json: '"\\"\\\\\\n"' },
  ])('writes $json', ({ text, json }) => {
    expect(toAsciiJson(text)).toBe(json)
  })
})

describe('findHostileText', () => {
  it.each([
    {
      what: 'U+0000',
      value: { prompt: 'a\u0000b' },
      problem: { path: 'prompt', message: 'contains U+0000, which no store keeps' },
    },
    {
      what: 'a lone high surrogate',
      value: { a: { list: ['x', '\ud800'] } },
      problem: { path: 'a.list[1]', message: 'contains a lone surrogate, which is no character' },
    },
    {
      what: 'a lone low surrogate in front',
      value: '\udc00x',
      problem: { path: '', message: 'contains a lone surrogate, which is no character' },
    },
    {
      what: 'U+0000 in a field name',
      value: { a: { 'b\u0000': 1 } },
      problem: { path: 'a', message: 'has a field name that contains U+0000, which no store keeps' },
    },
    {
      what: 'a field that every JavaScript object loses',
      value: JSON.parse('{ "a": { "__proto__": 1 } }'),
      problem: { path: 'a', message: 'has a field name that is `__proto__`, which is lost on its way' },
    },
    {
      what: 'a number that is too large',
      value: [1e300, Number.POSITIVE_INFINITY],
      problem: { path: '[1]', message: 'is a number too large to keep' },
    },
    {
      what: 'nesting that is too deep',
      value: nested(MAX_DEPTH + 1),
      problem: { path: '', message: 'is nested over 100 deep' },
    },
    {
      what: 'nesting that breaks parsers',
      value: nested(200_000),
      problem: { path: '', message: 'is nested over 100 deep' },
    },
  ])('finds $what', ({ value, problem }) => {
    expect(findHostileText(value)).toEqual(problem)
  })

  it.each([
    { what: 'the deepest allowed value', value: nested(MAX_DEPTH) },
    { what: 'emoji', value: { '\u{1f600}': '\u{1f469}\u200d\u{1f680}' } },
    { what: 'U+FFFF and control characters', value: '\uffff\u0001\u007f' },
    { what: 'values that are no text', value: [null, true, 1e300, {}, []] },
  ])('finds nothing in $what', ({ value }) => {
    expect(findHostileText(value)).toBeUndefined()
  })

  it('finds nothing in a value whose texts are all well-formed Unicode, and finds a text that is not', () => {
    const wellFormed = fc
      .jsonValue({ stringUnit: 'grapheme', maxDepth: 5 })
      .filter(value => !JSON.stringify(value).includes('__proto__'))
    fc.assert(
      fc.property(wellFormed, fc.constantFrom('\u0000', '\ud800', '\udfff'), (value, hostile) => {
        expect(findHostileText(value)).toBeUndefined()
        expect(findHostileText({ list: [value, `a${hostile}b`] })?.path).toBe('list[1]')
      }),
    )
  })
})
