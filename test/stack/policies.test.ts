import { describe, expect, it } from 'vitest'
import { Settings } from '../../functions/worker/settings.ts'
import { functionOf, mappingOf, queueOf } from './queries.ts'
import { synthesizeText } from './synthesized.ts'

const PIPELINE = `
name: guarded
quotas:
  default_plan: free
  plans:
    free: { requests: 100, tokens: 10000, in_flight: 20, priorities: [normal] }
routing: [{ model: plain }]
models:
  plain:
    endpoint: { url: "http://plain.example.com/predict" }
    request: '{ "model_input": prompt }'
    response: '{ "result": result }'
  guarded:
    endpoint: { url: "http://guarded.example.com/predict", timeout: 20s }
    request: '{ "model_input": prompt }'
    response: '{ "result": result }'
    rate_limit: { count: 20, interval: 2s }
    retry: { attempts: 3, period: 250ms, max_backoff: 5s, backoff_on: [409, 429], drop_on: [501], halt_when: 'status = 402', drop_when: 'status = 500', backoff_when: '$exists(body.error)' }
    circuit: { failures: 4, within: 30s, open: 10s }
  batched:
    endpoint: { url: "http://batched.example.com/predict", timeout: 20s }
    request: '{ "model_input": prompt }'
    response: '{ "result": result }'
    batch: { count: 50, period: 3s, url: "http://batched.example.com/batch_predict" }
    concurrency: { high: 4, normal: 1000 }
  gathered:
    endpoint: { url: "http://gathered.example.com/predict" }
    request: '{ "model_input": prompt }'
    response: '{ "result": result }'
    batch: { count: 1000, period: 5m, outputs: data }
`

const { template, settings } = synthesizeText(PIPELINE)
const settingsOf = (model: string) => Settings.parse(settings(functionOf(template, `worker-${model}`).id))

describe('the policies of a model (rate limit, retry, circuit)', () => {
  it('the worker of a model gets the policies that pipeline.yaml gives the model', () => {
    expect(settingsOf('guarded')).toMatchObject({
      endpoint: { url: 'http://guarded.example.com/predict' },
      batched: false,
      rate_limit: { count: 20, interval_ms: 2_000 },
      retry: {
        attempts: 3,
        period_ms: 250,
        max_backoff_ms: 5_000,
        backoff_on: [409, 429],
        drop_on: [501],
        halt_when: 'status = 402',
        drop_when: 'status = 500',
        backoff_when: '$exists(body.error)',
      },
      circuit: { failures: 4, within_ms: 30_000, open_ms: 10_000 },
    })
  })

  it('if pipeline.yaml gives a model no policy, its worker gets the default retry, no rate limit and no circuit', () => {
    const plain = settingsOf('plain')

    expect(plain).toMatchObject({
      batched: false,
      retry: { attempts: 5, period_ms: 1_000, max_backoff_ms: 30_000, backoff_on: [429, 503], drop_on: [400, 404] },
    })
    expect(plain).not.toHaveProperty('rate_limit')
    expect(plain).not.toHaveProperty('circuit')
  })

  it.each([
    ['a URL of their own', 'batched', 'http://batched.example.com/batch_predict'],
    ['the endpoint', 'gathered', 'http://gathered.example.com/predict'],
  ])('the worker of a model with batches gets the URL to which the batches are sent: %s', (_which, model, url) => {
    expect(settingsOf(model)).toMatchObject({ batched: true, endpoint: { url } })
  })
})

describe('a model with batches', () => {
  it('has batch.outputs of pipeline.yaml in the settings of its worker', () => {
    expect(settingsOf('gathered')).toMatchObject({ outputs: 'data' })
    expect(settingsOf('batched')).not.toHaveProperty('outputs')
  })

  it.each([
    ['batched', 'high', { size: 50, window: 3, at_once: 4 }],
    ['batched', 'normal', { size: 50, window: 3, at_once: 1_000 }],
    ['gathered', 'normal', { size: 1_000, window: 300, at_once: 10 }],
  ])(
    'the event source mapping of the model %s (%s) collects up to batch.count messages for batch.period',
    (model, priority, { size, window, at_once }) => {
      expect(mappingOf(template, `guarded-inference-${model}-${priority}`)).toMatchObject({
        BatchSize: size,
        MaximumBatchingWindowInSeconds: window,
        ScalingConfig: { MaximumConcurrency: at_once },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      })
    },
  )

  it.each([
    ['batched', 3],
    ['gathered', 300],
  ])(
    'the queue of the model %s hides a received message for the %i s in which a batch is collected, and then until the worker has certainly ended',
    (model, window) => {
      const timeout = Number(functionOf(template, `worker-${model}`).Properties.Timeout)
      const { VisibilityTimeout } = queueOf(template, `guarded-inference-${model}-normal`).Properties

      expect(VisibilityTimeout).toBe(timeout + window + 30)
    },
  )
})
