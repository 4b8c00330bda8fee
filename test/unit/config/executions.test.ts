import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearestConcurrency } from '../../../lib/config/concurrency.ts'
import { API_ROOM, executionsOf } from '../../../lib/config/executions.ts'
import { parsePipeline } from '../../../lib/config/load.ts'

interface Wanted {
  readonly high: number
  readonly normal: number
  readonly batch?: boolean
}

const pipelineOf = (models: readonly Wanted[], account?: number, inputs = 0) =>
  parsePipeline(
    [
      ...(account === undefined ? [] : [`account_concurrency: ${account}`]),
      `inputs: [${Array.from({ length: inputs }, (_, i) => `{ queue: input-${i} }`)}]`,
      'quotas: { default_plan: free, plans: { free: { requests: 1, tokens: 1, in_flight: 1, priorities: [normal] } } }',
      'routing: [{ model: m0 }]',
      'models:',
      ...models.flatMap(({ high, normal, batch }, i) => [
        `  m${i}:`,
        '    endpoint: { url: "https://models.example.com" }',
        `    request: 'prompt'`,
        `    response: '{ "result": $ }'`,
        `    concurrency: { high: ${high}, normal: ${normal} }`,
        ...(batch ? ['    batch: { count: 10, period: 1s }'] : []),
      ]),
    ].join('\n'),
    {},
    'test.yaml',
  )

const splitsOf = (models: readonly Wanted[], account?: number) => {
  const executions = executionsOf(pipelineOf(models, account))
  return models.map((_, i) => [executions.worker(`m${i}`, 'high'), executions.worker(`m${i}`, 'normal')])
}

describe('the concurrent Lambda executions that the queues of a pipeline use', () => {
  it('the executions of the queues are the most that each queue can use, if the account has enough', () => {
    const executions = executionsOf(pipelineOf([{ high: 40, normal: 10 }]))
    expect(splitsOf([{ high: 40, normal: 10 }])).toEqual([
      [
        { mapping: 5, calls: 8 },
        { mapping: 5, calls: 2 },
      ],
    ])
    expect(executions).toMatchObject({ collector: 10, intake: 10, queues: 4, most: 22, least: 8 })
    expect(executionsOf(pipelineOf([{ high: 40, normal: 10 }], 1_000)).most).toBe(22)
  })

  it('in an account of 10 executions, each of four queues gets two executions, with more calls per execution, so two executions remain for the API', () => {
    const { most, collector } = executionsOf(pipelineOf([{ high: 20, normal: 10 }], 10))
    expect({ most, collector }).toEqual({ most: 8, collector: 2 })
    expect(splitsOf([{ high: 20, normal: 10 }], 10)).toEqual([
      [
        { mapping: 2, calls: 10 },
        { mapping: 2, calls: 5 },
      ],
    ])
  })

  it('in an account of 10 executions, a queue makes fewer simultaneous calls than its concurrency if two executions with 10 calls each do not reach it', () => {
    expect(splitsOf([{ high: 100, normal: 7 }], 10)).toEqual([
      [
        { mapping: 2, calls: 10 },
        { mapping: 2, calls: 3 },
      ],
    ])
  })

  it('in an account of 10 executions, a queue gets two executions also for a model with batches', () => {
    expect(splitsOf([{ high: 6, normal: 6, batch: true }], 10)).toEqual([
      [
        { mapping: 2, calls: 10 },
        { mapping: 2, calls: 10 },
      ],
    ])
  })

  it('the executions of the queues leave a fifth of the account to the API if two executions per queue allow that, and never make more calls than the concurrency', () => {
    const calls = fc.integer({ min: 1, max: 10_000 }).map(nearestConcurrency)
    const model = fc.record({ high: calls, normal: calls })
    fc.assert(
      fc.property(
        fc.array(model, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 500 }),
        fc.nat(3),
        (models, more, inputs) => {
          const least = 2 * (2 * models.length + 2 + 2 * inputs)
          const account = Math.max(10, least + API_ROOM + more)
          const { most, worker } = executionsOf(pipelineOf(models, account, inputs))

          expect(account - most).toBeGreaterThanOrEqual(API_ROOM)
          if (least <= 0.8 * account - 1) expect(account - most).toBeGreaterThanOrEqual(0.2 * account)
          for (const [i, { high, normal }] of models.entries())
            for (const [priority, wanted] of [
              ['high', high],
              ['normal', normal],
            ] as const) {
              const { mapping, calls } = worker(`m${i}`, priority)
              expect(mapping).toBeGreaterThanOrEqual(2)
              expect(calls).toBeGreaterThanOrEqual(1)
              if (wanted > 1) expect(mapping * calls).toBeLessThanOrEqual(wanted)
            }
        },
      ),
      { numRuns: 100 },
    )
  })
})
