import { describe, expect, it } from 'vitest'
import { loadPipeline, parsePipeline } from '../../../lib/config/load.ts'
import { pipelineText, plan } from './pipelines.ts'

const parse = (changes: Parameters<typeof pipelineText>[0] = {}, env: Record<string, string> = {}) =>
  parsePipeline(pipelineText(changes), env, 'p.yaml')

describe('a pipeline file', () => {
  it('a pipeline file is read with durations as milliseconds', () => {
    const pipeline = parse({ endpoint: 'models:\n  text:\n    endpoint: { url: "http://x/", timeout: 5m }' })

    expect(pipeline.queue.expire_after).toBe(6 * 3_600_000)
    expect(pipeline.models.text?.endpoint.timeout).toBe(300_000)
  })

  it('a pipeline file gets the documented defaults for missing keys', () => {
    const pipeline = parse({ name: '', queue: '', window: 'quotas:' })

    expect(pipeline).toEqual({
      name: 'sluice',
      queue: { backend: 'sqs', expire_after: 21_600_000 },
      waiting: { per_user: 10, total: 50 },
      reserved_concurrency: {},
      quotas: {
        window: 'day',
        default_plan: 'free',
        plans: {
          free: {
            requests: 100,
            tokens: 10_000,
            in_flight: 20,
            priorities: ['normal'],
            shards: 1,
            rate: { count: 30_000, interval_ms: 60_000 },
          },
        },
      },
      routing: [{ model: 'text' }],
      models: {
        text: {
          endpoint: { url: 'http://127.0.0.1:8081/predict', timeout: 60_000, headers: {} },
          request: '{ "model_input": prompt }',
          response: '{ "result": result }',
          concurrency: { high: 10, normal: 10 },
          retry: { attempts: 5, period: 1_000, max_backoff: 30_000, backoff_on: [429, 503], drop_on: [400, 404] },
        },
      },
      observability: {
        log_level: 'INFO',
        namespace: 'Sluice',
        tracing: false,
        store_prompts: true,
        fields: {},
        retention: { payloads: 120 * 86_400_000 },
      },
    })
  })

  it.each([
    { rate: '10/s', count: 10, interval_ms: 1_000 },
    { rate: '600/m', count: 600, interval_ms: 60_000 },
    { rate: '1000000/h', count: 1_000_000, interval_ms: 3_600_000 },
  ])('a pipeline file may have the rate $rate', ({ rate, ...read }) => {
    const pipeline = parse(plan(`requests: 9, tokens: 9, in_flight: 9, priorities: [high], rate: ${rate}`))

    expect(pipeline.quotas.plans.free?.rate).toEqual(read)
  })

  it.each([
    { given: 'in_flight: 100', shards: 1 },
    { given: 'in_flight: 101', shards: 2 },
    { given: 'in_flight: 400, shards: 2', shards: 4 },
    { given: 'in_flight: 20, shards: 7', shards: 7 },
  ])(
    'a plan has the given number of shards (parts of a user’s counters), or the number that its limits need: { $given } gives $shards',
    ({ given, shards }) => {
      const pipeline = parse({
        free: `  plans:\n    free: { requests: 1000, tokens: 10000, ${given}, priorities: [normal] }`,
      })

      expect(pipeline.quotas.plans.free?.shards).toBe(shards)
    },
  )

  it('a pipeline file may set batch, rate_limit, retry and circuit of a model, and their missing keys get defaults', () => {
    const policies = `
    batch: { count: 10, period: 2s, url: "http://x/batch" }
    rate_limit: { count: 20, interval: 2s }
    retry: { attempts: 3, max_backoff: 1m }
    circuit: { open: 10s }`

    expect(parse({ extra: policies }).models.text).toMatchObject({
      batch: { count: 10, period: 2_000, url: 'http://x/batch' },
      rate_limit: { count: 20, interval: 2_000 },
      retry: { attempts: 3, period: 1_000, max_backoff: 60_000, backoff_on: [429, 503], drop_on: [400, 404] },
      circuit: { failures: 5, within: 60_000, open: 10_000 },
    })
  })

  it('a pipeline file may have 1,000 simultaneous batches of a model, which is the highest number of invocations', () => {
    const extra = '    batch: { count: 10, period: 1s }\n    concurrency: 1000'

    expect(parse({ extra }).models.text?.concurrency).toEqual({ high: 1_000, normal: 1_000 })
  })

  it.each([
    { given: '1', concurrency: { high: 1, normal: 1 } },
    { given: '5', concurrency: { high: 5, normal: 5 } },
    { given: '{ high: 20, normal: 5 }', concurrency: { high: 20, normal: 5 } },
    { given: '{ high: 20 }', concurrency: { high: 20, normal: 10 } },
  ])(
    'a pipeline file may have one concurrency for both priorities, or one for each: $given',
    ({ given, concurrency }) => {
      expect(parse({ extra: `    concurrency: ${given}` }).models.text?.concurrency).toEqual(concurrency)
    },
  )

  it('a pipeline file gets the default header and prefix for the secret in auth', () => {
    const endpoint = 'models:\n  text:\n    endpoint: { url: "https://x/", auth: { secret: KEY } }'

    expect(parse({ endpoint }).models.text?.endpoint.auth).toEqual({
      header: 'Authorization',
      prefix: 'Bearer ',
      secret: 'KEY',
    })
  })

  it('a pipeline file may name one field of a JSON secret in auth', () => {
    const endpoint = 'models:\n  text:\n    endpoint: { url: "https://x/", auth: { secret: KEY, field: apiKey } }'

    expect(parse({ endpoint }).models.text?.endpoint.auth).toMatchObject({ secret: 'KEY', field: 'apiKey' })
  })

  it('a pipeline file may sign calls with auth.sigv4, beside headers that the signature does not set', () => {
    const headers = '{ X-Team: search, X-Amzn-SageMaker-Target-Model: "llama" }'
    const endpoint = `models:\n  text:\n    endpoint: { url: "https://x/", headers: ${headers}, auth: { sigv4: sagemaker } }`

    expect(parse({ endpoint }).models.text?.endpoint.auth).toEqual({ sigv4: 'sagemaker' })
  })

  it('a pipeline file may use anchors and aliases', () => {
    const pipeline = parse({
      free: '  plans:\n    free: &free { requests: 100, tokens: 10000, in_flight: 20, priorities: [normal] }\n    other: *free',
    })

    expect(pipeline.quotas.plans.other).toEqual(pipeline.quotas.plans.free)
  })

  it('the pipeline file in the root of the repository is valid without any variable', () => {
    const pipeline = loadPipeline('pipeline.yaml', {})

    expect(Object.keys(pipeline.models)).toEqual(['text'])
    expect(pipeline.models.text?.endpoint.url).toBe('http://127.0.0.1:8081/predict')
    expect(pipeline.quotas.plans.pro).toMatchObject({ in_flight: 400, shards: 4 })
  })
})

describe('a variable in a pipeline file', () => {
  it('a variable becomes a number or a boolean if the key wants one, and stays a text otherwise', () => {
    const pipeline = parse(
      {
        free: `  plans:\n    free: { requests: "\${N}", tokens: "\${T:5000}", in_flight: 20, priorities: ["\${P}"] }`,
        extra: `    concurrency: \${C:4}\nobservability: { store_prompts: "\${S}", fields: { build: "\${N}" } }`,
      },
      { N: '12', P: 'high', S: 'false' },
    )

    expect(pipeline.quotas.plans.free).toMatchObject({ requests: 12, tokens: 5_000, priorities: ['high'] })
    expect(pipeline.models.text?.concurrency).toEqual({ high: 4, normal: 4 })
    expect(pipeline.observability).toMatchObject({ store_prompts: false, fields: { build: '12' } })
  })

  it('a variable can stand inside a mapping, whose own dollars and braces stay unchanged', () => {
    const request = `    request: >-\n      { "all": $map(x, function($v) { $v.\${FIELD:name} }), "raw": "$\${FIELD}" }`

    expect(parse({ request }).models.text?.request).toBe(
      `{ "all": $map(x, function($v) { $v.name }), "raw": "\${FIELD}" }`,
    )
  })

  it('the value of a variable cannot add keys to the file', () => {
    const pipeline = parse(
      { extra: `observability:\n  fields:\n    team: \${TEAM}` },
      { TEAM: 'a\n    other: b\nqueue: { backend: rabbitmq }' },
    )

    expect(pipeline.observability.fields).toEqual({ team: 'a\n    other: b\nqueue: { backend: rabbitmq }' })
  })
})
