import { describe, expect, it } from 'vitest'
import { type Changes, endpoint, lines, pipelineText, plan, refusal } from './pipelines.ts'

describe('values of a pipeline file that contradict each other are refused:', () => {
  it.each([
    ['6h', '14d', 'must be whole days from 15d to 3650d, such as 30d, not "14d"'],
    ['6h', '400h', 'must be whole days from 15d to 3650d, such as 30d'],
    [
      '25h',
      '15d',
      'must be at least 16d: payloads must outlive queue.expire_after and the 14 days that a queue keeps a message',
    ],
  ])(
    'a retention of payloads that ends before their messages is refused: expire_after %s, payloads %s',
    (expireAfter, payloads, message) => {
      const queue = `queue: { expire_after: ${expireAfter} }\nobservability: { retention: { payloads: ${payloads} } }`

      expect(refusal(pipelineText({ queue }))).toBe(`p.yaml:3:41: observability.retention.payloads ${message}`)
    },
  )

  it('a retention of rows that ends before the event with the result may arrive is refused', () => {
    expect(refusal(pipelineText({ queue: 'observability: { retention: { ledger: 14d } }' }))).toBe(
      'p.yaml:2:39: observability.retention.ledger must be whole days from 15d to 3650d, such as 90d, not "14d"',
    )
  })

  it('more models and inputs than fit in one CloudFormation stack are refused', () => {
    const inputs = Array.from({ length: 50 }, (_, i) => `{ queue: nightly-${i} }`)
    expect(refusal(pipelineText({ queue: `inputs: [${inputs}]` }))).toBe(
      "p.yaml:10:1: models must be fewer: the stack would have 527 resources, and 496 fit CloudFormation's 500 " +
        '(a model is 14, with circuit 15, an input 8)',
    )
  })

  const routes = (...rules: string[]): Changes => ({
    routing: `routing:\n${rules.map(rule => `  - ${rule}`).join('\n')}`,
  })
  it.each<[string, Changes, string]>([
    [
      'a reserved concurrency of the reader that waiting calls could use up',
      { queue: 'reserved_concurrency: { gateway: 51, reader: 50 }' },
      'p.yaml:2:46: reserved_concurrency.reader must be more than waiting.total (50): waits would use up all of it',
    ],
    [
      'an account that is too small for the queues',
      { queue: 'inputs: [{ queue: nightly }]\naccount_concurrency: 10' },
      'p.yaml:3:22: account_concurrency must be at least 14: the 6 queues with a consumer take at least 2 executions each, and the API needs 2; ask AWS for more, or have fewer models and inputs',
    ],
    [
      'two inputs of one name',
      { queue: 'inputs: [{ queue: nightly }, { queue: nightly }]' },
      'p.yaml:2:39: inputs[1].queue must not be "nightly" again: another input has this name',
    ],
    [
      'an input with the name of the results queue',
      { queue: 'inputs: [{ queue: demo-results }]' },
      'p.yaml:2:19: inputs[0].queue must not be a name that the stack uses: demo-results and demo-inference-… are its own queues',
    ],
    [
      'an input with a name that a model’s queue may get',
      { queue: 'inputs: [{ queue: demo-inference-any-high }]' },
      'p.yaml:2:19: inputs[0].queue must not be a name that the stack uses: demo-results and demo-inference-… are its own queues',
    ],
    [
      'an input with the name of a dead-letter queue',
      { queue: 'inputs: [{ queue: demo-results-dlq }]' },
      'p.yaml:2:19: inputs[0].queue must not end in -dlq, since the dead-letter queues of the stack do',
    ],
    [
      'a route to a model that does not exist',
      routes('model: txt'),
      'p.yaml:9:12: routing[0].model must name one of the models, not "txt"; did you mean "text"?',
    ],
    [
      'a last route with a condition',
      routes('{ when: "a", model: text }'),
      'p.yaml:9:7: routing[0].when must not be there: the last route is the default; add one without when, such as { model: text }',
    ],
    [
      'a default route that is not the last',
      routes('model: text', 'model: text'),
      'p.yaml:9:5: routing[0] must have a when: only the last route is without one, and the routes after this are never reached',
    ],
    [
      'a default plan that does not exist',
      { defaultPlan: '  default_plan: constructor' },
      'p.yaml:5:17: quotas.default_plan must name one of the plans, not "constructor"; those are free',
    ],
    [
      'a plan with a model that does not exist',
      plan('requests: 3, tokens: 9, in_flight: 3, priorities: [high], models: [text, txet, image]'),
      lines(
        'p.yaml:7:86: quotas.plans.free.models[1] must name one of the models, not "txet"; did you mean "text"?',
        'p.yaml:7:92: quotas.plans.free.models[2] must name one of the models, not "image"; those are text',
      ),
    ],
    [
      'a plan that allows no model',
      plan('requests: 3, tokens: 9, in_flight: 3, priorities: [high], models: []'),
      'p.yaml:7:79: quotas.plans.free.models must name at least one model; leave it out to allow all',
    ],
    [
      'a rate too small to be split over the shards',
      plan('requests: 9, tokens: 9, in_flight: 9, priorities: [high], shards: 4, rate: 3/m'),
      'p.yaml:7:88: quotas.plans.free.rate must allow at least 4 calls: the plan has 4 shards, and each needs a part of them',
    ],
    [
      'limits too small to be split over the shards',
      plan('requests: 3, tokens: 9, in_flight: 301, priorities: [high]'),
      'p.yaml:7:23: quotas.plans.free.requests must be at least 4: the plan has 4 shards, and each needs a part of it',
    ],
    [
      'a header that occurs twice',
      endpoint('url: "http://x/", headers: { A: b, a: c }'),
      'p.yaml:12:52: models.text.endpoint.headers.a must not be there: the header is there already, in another spelling',
    ],
    [
      'a header that auth sets',
      endpoint('url: "https://x/", headers: { authorization: b }, auth: { secret: K }'),
      'p.yaml:12:47: models.text.endpoint.headers.authorization must not be there: auth sets this header',
    ],
    [
      'headers that a signature sets',
      endpoint(
        'url: "https://x/", headers: { Authorization: a, X-Amz-Date: b, X-Amz-Target: c }, auth: { sigv4: sagemaker }',
      ),
      lines(
        'p.yaml:12:47: models.text.endpoint.headers.Authorization must not be there: auth sets this header',
        'p.yaml:12:65: models.text.endpoint.headers.X-Amz-Date must not be there: auth sets this header',
      ),
    ],
    [
      'a header that can’t be signed',
      endpoint('url: "https://x/", headers: { X-Team: é }, auth: { sigv4: sagemaker }'),
      'p.yaml:12:55: models.text.endpoint.headers.X-Team must be ASCII text: sigv4 signs the headers',
    ],
  ])('a contradiction in the file is refused: %s', (_name, changes, expected) => {
    expect(refusal(pipelineText(changes))).toBe(expected)
  })
})

describe('the value of tracing is refused unless it is false or has a valid endpoint:', () => {
  const Mapping = 'must be false, or a mapping with an endpoint, such as { endpoint: xray, sample: 0.1 }'
  const Endpoint =
    'must be xray, or the http or https URL of an OTLP receiver, such as https://collector.example.com/v1/traces'
  it.each([
    ['true', `p.yaml:15:27: observability.tracing ${Mapping}`],
    ['xray', `p.yaml:15:27: observability.tracing ${Mapping}, not "xray"`],
    ['{ sample: 1 }', `p.yaml:15:18: observability.tracing.endpoint is missing; it ${Endpoint}`],
    ['{ endpoint: jaeger }', `p.yaml:15:39: observability.tracing.endpoint ${Endpoint}`],
    [
      '{ endpoint: "https://u:p@h/v1/traces" }',
      'p.yaml:15:39: observability.tracing.endpoint must have no credentials in it',
    ],
    [
      '{ endpoint: "http://169.254.169.254/v1/traces" }',
      'p.yaml:15:39: observability.tracing.endpoint must not be a link-local address',
    ],
    [
      '{ endpoint: xray, sample: 2 }',
      'p.yaml:15:53: observability.tracing.sample must be a number from 0 to 1, such as 0.1, not 2',
    ],
  ])('observability.tracing is refused with the value %s', (tracing, expected) => {
    expect(refusal(pipelineText({ extra: `observability: { tracing: ${tracing} }` }))).toBe(expected)
  })
})

describe('a wrong batch, retry, circuit or rate limit of a model is refused:', () => {
  const tooMany = (place: string, key = '') =>
    `p.yaml:${place}: models.text.concurrency${key} must be at most 1,000 with batch: each call is an invocation then`
  it.each<[string, string, string]>([
    [
      'a batch whose window is not whole seconds',
      '    batch: { count: 10, period: 1500ms }',
      'p.yaml:15:33: models.text.batch.period must be whole seconds from 1s to 5m, such as 1s',
    ],
    [
      'a batch of one request',
      '    batch: { count: 1, period: 1s }',
      'p.yaml:15:21: models.text.batch.count must be a whole number from 2 to 1,000, not 1',
    ],
    [
      'a batch of more requests than one worker can claim',
      '    batch: { count: 1001, period: 1s }',
      'p.yaml:15:21: models.text.batch.count must be a whole number from 2 to 1,000, not 1001',
    ],
    [
      'more simultaneous batches than 1,000, the highest number of invocations',
      '    batch: { count: 10, period: 1s }\n    concurrency: 2000',
      tooMany('16:18'),
    ],
    [
      'more simultaneous batches of one priority than 1,000, the highest number of invocations',
      '    batch: { count: 10, period: 1s }\n    concurrency: { normal: 2000 }',
      tooMany('16:18'),
    ],
    [
      'a retry after a successful status',
      '    retry: { backoff_on: [200] }',
      'p.yaml:15:27: models.text.retry.backoff_on[0] must be a whole number from 400 to 599, not 200',
    ],
    [
      'an invalid JSONata condition',
      "    retry: { halt_when: 'body.error.code ==' }",
      'p.yaml:15:43: models.text.retry.halt_when is not valid JSONata: The symbol "=" cannot be used as a unary operator',
    ],
    [
      'batch.outputs with an unknown function',
      "    batch: { count: 10, period: 1s, outputs: '$elements(data)' }",
      'p.yaml:15:47: models.text.batch.outputs calls $elements, which is not a function of JSONata',
    ],
    [
      'a retry of 0 attempts',
      '    retry: { attempts: 0 }',
      'p.yaml:15:24: models.text.retry.attempts must be a whole number from 1 to 100, not 0',
    ],
    [
      'a retry whose values contradict each other',
      '    retry: { period: 10s, max_backoff: 1s, backoff_on: [400], drop_on: [404, 400] }',
      lines(
        'p.yaml:15:40: models.text.retry.max_backoff must not be shorter than period',
        'p.yaml:15:72: models.text.retry.drop_on must not name 400, as backoff_on does',
      ),
    ],
    [
      'a retry that drops a status of the default of backoff_on',
      '    retry: { drop_on: [503] }',
      'p.yaml:15:23: models.text.retry.drop_on must not name 503, which backoff_on names by default; set backoff_on, too, such as backoff_on: [429]',
    ],
    [
      'a retry that repeats calls after all statuses of the default of drop_on',
      '    retry: { backoff_on: [400, 404] }',
      'p.yaml:15:26: models.text.retry.backoff_on must not name 400, 404, which drop_on names by default; set drop_on, too, such as drop_on: []',
    ],
    [
      'a retry whose period is longer than the default of max_backoff',
      '    retry: { period: 40s }',
      'p.yaml:15:22: models.text.retry.period must not be longer than max_backoff, which is 30s by default; set max_backoff, too',
    ],
    [
      'a retry whose max_backoff is shorter than the default of period',
      '    retry: { max_backoff: 500ms }',
      'p.yaml:15:27: models.text.retry.max_backoff must not be shorter than period, which is 1s by default; set period, too',
    ],
    [
      'a circuit with a key that has a typo',
      '    circuit: { failurs: 3 }',
      'p.yaml:15:16: models.text.circuit has no key "failurs"; did you mean "failures"?',
    ],
    [
      'a rate limit without its interval',
      '    rate_limit: { count: 100 }',
      'p.yaml:15:5: models.text.rate_limit.interval is missing; it must be a duration from 1s to 1h, such as 60s',
    ],
  ])('the settings of a model are refused: %s', (_name, extra, expected) => {
    expect(refusal(pipelineText({ extra }))).toBe(expected)
  })
})
