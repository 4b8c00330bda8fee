import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { functionOf, ofType, variablesOf } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const TEXT = 'concurrency: 10\n'
const memoryOf = (pipeline: string, service = 'worker-text') =>
  functionOf(synthesizeText(pipeline).template, service).Properties.MemorySize

describe('the Lambda memory of a worker', () => {
  it.each([
    { what: 'one call in each invocation', model: 'concurrency: 1', mb: 352 },
    { what: 'two calls in each invocation', model: 'concurrency: 10', mb: 384 },
    { what: 'five calls in each invocation', model: 'concurrency: 25', mb: 512 },
    { what: 'ten calls, each with a body of 4 MB and an answer of 8 MB', model: 'concurrency: 50', mb: 704 },
    {
      what: 'ten calls in each invocation of only one priority',
      model: 'concurrency: { high: 50, normal: 2 }',
      mb: 704,
    },
    { what: 'ten calls in each invocation, and many invocations', model: 'concurrency: 5000', mb: 704 },
    { what: 'a batch of ten requests', model: 'concurrency: 10\n    batch: { count: 10, period: 1s }', mb: 512 },
    {
      what: 'a batch of a thousand requests, of which ten are large and all others together have 6 MB',
      model: 'concurrency: 10\n    batch: { count: 1000, period: 1s }',
      mb: 768,
    },
  ])('the memory of a worker is $mb MB for $what', ({ model, mb }) => {
    expect(memoryOf(PIPELINE.replace(TEXT, `${model}\n`))).toBe(mb)
  })

  it('a worker has more memory if a JSONata mapping of its model needs a separate thread', () => {
    const withSort = PIPELINE.replace('\'{ "model_input": prompt }\'', '\'{ "model_input": $sort(prompt) }\'')

    expect(memoryOf(withSort)).toBe(544)
    expect(memoryOf(withSort.replace(TEXT, 'concurrency: 50\n'))).toBe(864)
  })

  it('the memory of a worker is computed for its model; each function that is not a worker has 512 MB', () => {
    const { template } = synthesizeText(PIPELINE.replace('{ high: 40, normal: 7 }', '{ high: 40, normal: 50 }'))

    expect(functionOf(template, 'worker-image').Properties.MemorySize).toBe(704)
    const others = ofType(template, 'AWS::Lambda::Function').filter(
      found => !String(variablesOf(found).POWERTOOLS_SERVICE_NAME).includes('-worker-'),
    )
    expect(others.length).toBeGreaterThanOrEqual(6)
    expect(new Set(others.map(({ Properties }) => Properties.MemorySize))).toEqual(new Set([512]))
  })

  it('the worker of the repository’s pipeline.yaml has 384 MB', () => {
    const pipeline = readFileSync(new URL('../../pipeline.yaml', import.meta.url), 'utf8')

    expect(memoryOf(pipeline)).toBe(384)
  })
})
