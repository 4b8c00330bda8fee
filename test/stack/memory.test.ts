import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { functionOf, ofType } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const TEXT = 'concurrency: 10\n'
const memoryOf = (pipeline: string, service = 'worker-text') =>
  functionOf(synthesizeText(pipeline).template, service).Properties.MemorySize

describe('the memory of a worker', () => {
  it.each([
    { what: 'two calls in each invocation', model: 'concurrency: 10', mb: 512 },
    { what: 'five calls', model: 'concurrency: 25', mb: 512 },
    { what: 'ten calls, each with a body of 4 MB and an answer of 8 MB', model: 'concurrency: 50', mb: 832 },
    { what: 'ten calls of one priority', model: 'concurrency: { high: 50, normal: 2 }', mb: 832 },
    { what: 'as many calls in more invocations', model: 'concurrency: 5000', mb: 832 },
    { what: 'a batch of ten', model: 'concurrency: 10\n    batch: { count: 10, period: 1s }', mb: 512 },
    {
      what: 'a batch of a thousand, of which ten are large and all others together 6 MB',
      model: 'concurrency: 10\n    batch: { count: 1000, period: 1s }',
      mb: 768,
    },
  ])('is $mb MB for $what', ({ model, mb }) => {
    expect(memoryOf(PIPELINE.replace(TEXT, `${model}\n`))).toBe(mb)
  })

  it('has room for the thread of a mapping that needs one', () => {
    const withSort = PIPELINE.replace('\'{ "model_input": prompt }\'', '\'{ "model_input": $sort(prompt) }\'')

    expect(memoryOf(withSort)).toBe(512)
    expect(memoryOf(withSort.replace(TEXT, 'concurrency: 50\n'))).toBe(960)
  })

  it('is its own for each model, and that of all other functions is 512 MB', () => {
    const { template } = synthesizeText(PIPELINE.replace('{ high: 40, normal: 7 }', '{ high: 40, normal: 50 }'))

    expect(functionOf(template, 'worker-image').Properties.MemorySize).toBe(832)
    const others = ofType(template, 'AWS::Lambda::Function').filter(({ Properties }) => Properties.MemorySize !== 832)
    expect(others.length).toBeGreaterThanOrEqual(7)
    expect(new Set(others.map(({ Properties }) => Properties.MemorySize))).toEqual(new Set([512]))
  })

  it('is 512 MB in the pipeline that comes with Sluice', () => {
    const pipeline = readFileSync(new URL('../../pipeline.yaml', import.meta.url), 'utf8')

    expect(memoryOf(pipeline)).toBe(512)
  })
})
