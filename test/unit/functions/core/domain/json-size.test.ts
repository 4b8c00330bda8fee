import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_ANSWER_PARTS,
  MAX_BODY_VALUES,
  measureJson,
  tooLargeForAnswer,
  tooLargeForBody,
} from '../../../../../functions/core/domain/json-size.ts'

const childrenOf = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : []
const isContainer = (value: unknown): boolean => typeof value === 'object' && value !== null
const valuesIn = (value: unknown): number => childrenOf(value).reduce<number>((sum, one) => sum + valuesIn(one), 1)
const containersIn = (value: unknown): number =>
  childrenOf(value).reduce<number>((sum, one) => sum + containersIn(one), isContainer(value) ? 1 : 0)
const fieldsIn = (value: unknown): number =>
  childrenOf(value).reduce<number>(
    (sum, one) => sum + fieldsIn(one),
    Array.isArray(value) ? 0 : childrenOf(value).length,
  )
const depthOf = (value: unknown): number =>
  isContainer(value) ? 1 + Math.max(0, ...childrenOf(value).map(depthOf)) : 0

/** Texts in which a careless scan would find brackets, commas or the ends of strings. */
const trickyText = fc.string({
  unit: fc.constantFrom('"', '\\', ',', '[', ']', '{', '}', ':', ' ', 'a', '\u2603', '\u0000'),
})
const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 6 },
      trickyText,
      fc.constantFrom(0, -1.5e-7, true, null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(trickyText, tie('value'), { maxKeys: 4 }),
    ),
  })).value,
)

describe('measureJson', () => {
  it('counts as many values, lists, objects, fields and levels as the parsed value has, whatever white space the text has', () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(undefined, 1, '\t', '\r\n  '), (value, space) => {
        const text = JSON.stringify(value, undefined, space)
        const parsed: unknown = JSON.parse(text)

        expect(measureJson(text)).toEqual({
          values: valuesIn(parsed),
          containers: containersIn(parsed),
          fields: fieldsIn(parsed),
          depth: depthOf(parsed),
        })
      }),
      { numRuns: 1_000 },
    )
  })

  it('never counts more values than a text has commas and brackets, even if the text is not JSON', () => {
    const broken = fc.oneof(
      fc.string({ unit: 'binary' }),
      trickyText,
      // Valid JSON from which one character was removed.
      fc.tuple(anyJson, fc.nat()).map(([value, at]) => {
        const text = JSON.stringify(value)
        return text.slice(0, at % text.length) + text.slice((at % text.length) + 1)
      }),
    )
    fc.assert(
      fc.property(broken, text => {
        const { values, containers, depth } = measureJson(text)

        expect(values).toBeLessThanOrEqual(1 + (text.match(/[,[{]/g) ?? []).length)
        expect(containers).toBeLessThanOrEqual((text.match(/[[{]/g) ?? []).length)
        expect(depth).toBeLessThanOrEqual(containers)
      }),
      { numRuns: 500 },
    )
  })

  it('stops counting at a closing bracket that has no opening bracket, as a parser does', () => {
    expect(measureJson(`1]${'[1,'.repeat(100)}`)).toEqual({ values: 1, containers: 0, fields: 0, depth: 0 })
    expect(tooLargeForBody(`{}}${'['.repeat(1_000)}`)).toBeUndefined()
  })

  it('stops counting as soon as the text has more values than allowed', () => {
    expect(measureJson('[1,1,1,1,1,1]', 3).values).toBe(4)
  })

  it('stops counting at the end of the text if a string is not closed', () => {
    expect(measureJson('["a,b').values).toBe(2)
    expect(measureJson('["a\\"').values).toBe(2)
    expect(measureJson('["a\\').values).toBe(2)
  })
})

describe('tooLargeForBody: the body of a client', () => {
  const listOf = (count: number) => `[${new Array(count).fill('{}').join(',')}]`

  it('may have at most 50,000 values', () => {
    expect(tooLargeForBody(listOf(MAX_BODY_VALUES - 1))).toBeUndefined()
    expect(tooLargeForBody(listOf(MAX_BODY_VALUES))).toBe(
      'has over 50,000 JSON values, counted by its commas and brackets',
    )
  })

  it('may be nested at most 100 levels deep', () => {
    expect(tooLargeForBody('['.repeat(100) + ']'.repeat(100))).toBeUndefined()
    expect(tooLargeForBody('['.repeat(101) + ']'.repeat(101))).toBe('is nested over 100 deep')
  })

  it('a body may have any brackets and commas in its texts', () => {
    expect(tooLargeForBody(JSON.stringify({ prompt: '[{,"\\'.repeat(100_000) }))).toBeUndefined()
  })
})

describe('tooLargeForAnswer: the answer of a model', () => {
  it('may have at most 500,000 lists, objects and fields', () => {
    // The outer list counts as one, and each of its items as two.
    const listOf = (items: number) => `[${new Array(items).fill('{"a":1}').join(',')}]`
    const most = Math.floor((MAX_ANSWER_PARTS - 1) / 2)

    expect(tooLargeForAnswer(measureJson(listOf(most)))).toBeUndefined()
    expect(tooLargeForAnswer(measureJson(listOf(most + 1)))).toBe('has over 500,000 lists, objects and fields')
  })

  it('may have as many numbers as the embeddings of 100 texts', () => {
    const embedding = new Array(3_072).fill(-0.0123456789)
    const answer = JSON.stringify({ data: new Array(100).fill({ object: 'embedding', embedding }) })

    expect(tooLargeForAnswer(measureJson(answer))).toBeUndefined()
  })
})
