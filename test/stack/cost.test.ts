import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../lib/config/load.ts'
import { INVOCATIONS_PER_START, START_SECONDS } from '../../lib/cost/assumptions.ts'
import { billOf } from '../../lib/cost/bill.ts'
import { inventoryOf, type Template } from '../../lib/cost/inventory.ts'
import { loadOf, type Traffic } from '../../lib/cost/load.ts'
import { templateOf } from '../../lib/cost/synthesize.ts'
import { withCosts } from '../../lib/cost/table.ts'
import { sluice } from '../unit/cli/local-system.ts'
import { RABBITMQ_PIPELINES } from './pipelines.ts'
import { functionOf, ofType } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const NOW = '2026-11-23T12:00:00.000Z'
const pipelineFile = readFileSync('pipeline.yaml', 'utf8')

describe('the template from which `sluice cost` makes its bill', () => {
  const { template } = synthesizeText(PIPELINE)
  const own = templateOf(parsePipeline(PIPELINE, {}, 'test.yaml'))

  it('has the same resources as the deployed template', () => {
    const typesOf = (of: { Resources: Record<string, { Type: string }> }) =>
      Object.entries(of.Resources).map(([id, { Type }]) => `${id} ${Type}`)

    expect(typesOf(own)).toEqual(typesOf(template))
  })

  it('is read completely: with each event source mapping, and with the memory of each function', () => {
    const { mappings, memory, secrets } = inventoryOf(own)

    expect(mappings).toHaveLength(ofType(template, 'AWS::Lambda::EventSourceMapping').length)
    expect(Object.keys(memory)).toHaveLength(ofType(template, 'AWS::Lambda::Function').length)
    expect(secrets).toBe(ofType(template, 'AWS::SecretsManager::Secret').length + 1)
  })
})

describe('the bill for the function `broker`, which moves messages out of bulk queues,', () => {
  const text = RABBITMQ_PIPELINES['cluster with three consumers and inputs']
  const { template } = synthesizeText(text)
  const pipeline = parsePipeline(text, {}, 'test.yaml')
  const Month: Traffic = { requests: 1e6, modelSeconds: 2, open: 11, spread: 'bursts' }
  const itemsOf = (traffic: Partial<Traffic>, of = pipeline, from: Template = template) =>
    Object.fromEntries(
      billOf(of, from, { ...Month, ...traffic })
        .traffic.filter(({ what }) => what.startsWith('moves out of bulk queues: '))
        .map(({ what, quantity }) => [what.slice('moves out of bulk queues: '.length), quantity]),
    )

  /** The function `broker`, and its event source mappings in the template. */
  const mover = functionOf(template, 'broker')
  const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping').filter(
    ({ Properties }) => JSON.stringify(Properties.FunctionName) === JSON.stringify({ Ref: mover.id }),
  )
  const bulkOf = (model: string) =>
    mappings.filter(({ Properties }) => String(Properties.Queues).startsWith(`Shop-1-inference-${model}-normal`))

  it('if requests come in bursts, the bill counts one invocation of `broker` per full batch, with the batch size of the template', () => {
    const invocations = ['text', 'image'].map(model => {
      const [bulk, ...others] = bulkOf(model)
      expect(others).toHaveLength(2)
      return 5e5 / Number(bulk?.Properties.BatchSize)
    })

    expect(itemsOf({}).invocations).toBeCloseTo(invocations.reduce((sum, number) => sum + number))
  })

  it('during bursts, the bill counts one running invocation of `broker` per bulk queue (for users with many open requests), with the function’s memory', () => {
    const { memory } = inventoryOf(template)
    const { models } = loadOf(pipeline, inventoryOf(template), Month)
    const waiting = models.reduce((sum, { model, busySeconds }) => sum + bulkOf(model).length * busySeconds, 0)

    const starts = (Number(itemsOf({}).invocations) / INVOCATIONS_PER_START) * START_SECONDS
    expect(memory.broker).toBe(mover.Properties.MemorySize)
    expect(itemsOf({}).time).toBeCloseTo(((waiting + starts) * Number(mover.Properties.MemorySize)) / 1_024)
  })

  it('if requests are spread evenly, the bill counts one short invocation of `broker` per request', () => {
    expect(itemsOf({ spread: 'even' }).invocations).toBeCloseTo(1e6)
    expect(Number(itemsOf({ spread: 'even' }).time)).toBeLessThan(Number(itemsOf({}).time) / 10)
  })

  it('the bill has no item for `broker` if users have few open requests, or with SQS, which has no bulk queues', () => {
    expect(itemsOf({ open: 10 })).toEqual({})
    expect(itemsOf({ requests: 0 })).toEqual({})
    const sqs = parsePipeline(PIPELINE, {}, 'test.yaml')
    expect(itemsOf({}, sqs, templateOf(sqs))).toEqual({})
  })
})

describe('sluice cost', () => {
  it('returns the items of a bill and their sum', async () => {
    const { code, out } = await sluice({}, NOW, 'cost', '--requests', '2e6', '--model-seconds', '0.5', '--json')
    const bill = JSON.parse(out)

    expect(code).toBe(0)
    expect(bill).toMatchObject({ name: 'sluice', models: ['text'], requests: 2e6, model_seconds: 0.5, open: 1 })
    expect(bill.items).toContainEqual({
      service: 'API Gateway',
      what: 'a POST and two GETs per request',
      quantity: 6e6,
      unit: 'call',
      unit_usd: 1e-6,
      usd: 6,
      when: 'with requests',
    })
    const sum = bill.items.reduce((total: number, { usd }: { usd: number }) => total + usd, 0)
    expect(bill.total_usd).toBeCloseTo(sum)
    expect(bill.always_usd + bill.traffic_usd).toBeCloseTo(sum)
  })

  it('`sluice cost` prints one line per item of the bill, and what the bill leaves out', async () => {
    const { code, out } = await sluice({}, NOW, 'cost')

    expect(code).toBe(0)
    expect(out).toMatch(/^A month of pipeline\.yaml with 1,000,000 requests and 2 s per call to a model\.$/m)
    expect(out).toMatch(/^Aurora +capacity +365 +ACU-hour +43\.80$/m)
    expect(out).toMatch(/^ +together +\d+\.\d\d$/m)
    expect(out).toContain("AWS's free tiers, taxes and the models themselves are left out.")
  })

  it.each([
    ['--requests', 'many', 'It is a whole number of requests in a month, from 0 to 1e12, such as 1e6.'],
    ['--requests', '0.5', 'It is a whole number of requests in a month, from 0 to 1e12, such as 1e6.'],
    ['--requests', '-1', 'It is a whole number of requests in a month, from 0 to 1e12, such as 1e6.'],
    ['--model-seconds', '900', 'from 0 to 840'],
    ['--open', '101', 'It is a whole number from 1 to 100.'],
  ])('`sluice cost` refuses %s %s', async (option, value, sentence) => {
    const { code, err } = await sluice({}, NOW, 'cost', option, value)

    expect(code).toBe(2)
    expect(err).toContain(sentence)
  })

  it('`sluice cost` refuses a pipeline file with mistakes, with the same errors as `sluice config check`', async () => {
    const file = 'test/stack/fixtures/absent.yaml'
    const refused = await sluice({}, NOW, 'cost', file)

    expect(refused.code).toBe(1)
    expect(refused).toEqual(await sluice({}, NOW, 'config', 'check', file))
  })
})

it('README.md has the same bills as `sluice cost` computes', () => {
  const readme = readFileSync('README.md', 'utf8')

  expect(withCosts(readme, pipelineFile), 'run npm run generate').toBe(readme)
})
