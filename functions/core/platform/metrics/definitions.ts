import { BATCH_BUCKETS, CALL_BUCKETS, type MetricDefinition, TOKEN_BUCKETS, WAIT_BUCKETS } from './definition.ts'

type Definitions = Readonly<Record<string, MetricDefinition>>

/** Defines a counter of things that are refused, deferred, lost or failed. */
const trouble = (
  thing: string,
  description: string,
  ...sources: readonly (keyof MetricDefinition['sources'])[]
): MetricDefinition => ({
  kind: 'counter',
  unit: 'Count',
  thing,
  description,
  sources: Object.fromEntries(sources.map(source => [source, 'in trouble'])),
})

/** Defines the histogram of the tokens that a model reports, with one type of OpenTelemetry's conventions. */
const tokens = (type: 'input' | 'output'): MetricDefinition => ({
  kind: 'histogram',
  unit: 'Count',
  thing: 'token',
  description: 'The number of tokens that a model has reported for one request.',
  sources: { worker: 'with requests' },
  on_cloudwatch: 'only in the log',
  buckets: TOKEN_BUCKETS,
  convention: { name: 'gen_ai.client.token.usage', attributes: { 'gen_ai.token.type': type } },
})

const ADMISSION = {
  AcceptedRequests: {
    kind: 'counter',
    unit: 'Count',
    thing: 'request',
    description: 'Requests that were admitted.',
    sources: { gateway: 'with requests', intake: 'with inputs' },
  },
  ReservedTokens: {
    kind: 'counter',
    unit: 'Count',
    thing: 'token',
    description: 'Tokens that admitted requests have reserved.',
    sources: { gateway: 'with requests', intake: 'with inputs' },
    on_cloudwatch: 'only in the log',
  },
  RefusedRequests: trouble(
    'request',
    'Requests that were not admitted: the quota, the rate, or the request itself was the reason.',
    'gateway',
    'intake',
  ),
  RefusedWaits: trouble(
    'call',
    'Calls that asked to wait and were answered at once, since too many calls wait.',
    'gateway',
    'reader',
  ),
} satisfies Definitions

const CALLS = {
  DeliveredRequests: {
    kind: 'counter',
    unit: 'Count',
    thing: 'request',
    description: 'Messages that a worker has received. A deferred request is received again.',
    sources: { worker: 'with requests' },
    on_cloudwatch: 'only in the log',
  },
  TimeLeft: {
    kind: 'gauge',
    unit: 'Seconds',
    description:
      'The least time that a received request had left until its deadline, where one had waited for a quarter of its time.',
    sources: { worker: 'in trouble' },
  },
  ModelCalls: {
    kind: 'counter',
    unit: 'Count',
    thing: 'call',
    description: 'Calls of the model.',
    sources: { worker: 'with requests' },
    on_cloudwatch: 'only in the log',
  },
  ModelLatency: {
    kind: 'histogram',
    unit: 'Seconds',
    description: 'The time from a call of the model to the last byte of its answer, or to its failure.',
    sources: { worker: 'with requests' },
    buckets: CALL_BUCKETS,
    convention: { name: 'gen_ai.client.operation.duration', attributes: {} },
  },
  InputTokens: tokens('input'),
  OutputTokens: tokens('output'),
  BatchSize: {
    kind: 'histogram',
    unit: 'Count',
    thing: 'request',
    description: 'The number of requests in one call of a model with `batch`.',
    sources: { worker: 'with batches' },
    buckets: BATCH_BUCKETS,
  },
  FailedCalls: trouble('call', 'Calls of the model that failed and may succeed another time.', 'worker'),
  RetriedRequests: trouble('request', 'Requests that will be tried again after a failed call.', 'worker'),
  AttemptsGivenBack: trouble('attempt', 'Failed calls that spent no attempt of their request.', 'worker'),
  UnreadableUsage: trouble('answer', 'Answers of the model whose usage could not be read.', 'worker'),
} satisfies Definitions

const FLOW_CONTROL = {
  DeferredByHalt: trouble('request', 'Requests that were deferred because their model is halted.', 'worker'),
  DeferredByCircuit: trouble('request', 'Requests that were deferred because the circuit is open.', 'worker'),
  DeferredByPause: trouble('request', 'Requests that were deferred because the model asked for a pause.', 'worker'),
  DeferredByRateLimit: trouble('request', 'Requests that were deferred to their turn in the rate limit.', 'worker'),
  DeferredByConcurrency: trouble(
    'request',
    'Requests that were deferred because the model takes one call at a time, and has one.',
    'worker',
  ),
  CircuitOpened: trouble('change', 'How often the circuit has opened. A failed probe counts, too.', 'worker'),
  CircuitClosed: trouble('change', 'How often the circuit has closed.', 'worker'),
  ModelPaused: trouble('change', 'How often the model has asked for a pause.', 'worker'),
  ModelHalted: trouble('change', 'How often the model was halted. A failed probe counts, too.', 'worker'),
  ModelResumed: trouble('change', 'How often a halt has ended.', 'worker'),
} satisfies Definitions

const perModel = (definition: MetricDefinition): MetricDefinition => ({
  ...definition,
  on_cloudwatch: 'per model',
})

const ENDS = {
  CompletedRequests: {
    kind: 'counter',
    unit: 'Count',
    thing: 'request',
    description: 'Requests that have completed.',
    sources: { collector: 'with requests' },
    on_cloudwatch: 'per model',
  },
  FailedRequests: perModel(trouble('request', 'Requests that have failed.', 'collector')),
  CancelledRequests: perModel(trouble('request', 'Requests that their owner has cancelled.', 'collector')),
  ExpiredRequests: perModel(trouble('request', 'Requests that did not start before their deadline.', 'collector')),
  ChargedTokens: {
    kind: 'counter',
    unit: 'Count',
    thing: 'token',
    description: 'Tokens that ended requests were charged.',
    sources: { collector: 'with requests' },
    on_cloudwatch: 'only in the log',
  },
  QueueWait: {
    kind: 'histogram',
    unit: 'Seconds',
    description: 'The time from the admission of a request to its first attempt. A redriven request is left out.',
    sources: { collector: 'with requests' },
    on_cloudwatch: 'only in the log',
    buckets: WAIT_BUCKETS,
  },
  TimeToEnd: {
    kind: 'histogram',
    unit: 'Seconds',
    description: 'The time from the admission of a request to its end. A redriven request is left out.',
    sources: { collector: 'with requests' },
    buckets: WAIT_BUCKETS,
  },
} satisfies Definitions

const OPERATION = {
  ReturnedMessages: trouble(
    'message',
    'Messages that a function could not process, so that their queue delivers them again.',
    'worker',
    'collector',
    'intake',
  ),
  StaleReservations: {
    kind: 'counter',
    unit: 'Count',
    thing: 'reservation',
    description: 'Reservations that a crash had left open, and that the sweeper has closed.',
    sources: { sweeper: 'in trouble' },
  },
  WaitingMessages: {
    kind: 'gauge',
    unit: 'Count',
    thing: 'message',
    description:
      'Messages that no function has taken yet, in a queue of a RabbitMQ broker. Other queues have this number in CloudWatch.',
    sources: { sweeper: 'with a broker' },
    on_cloudwatch: 'per service and queue',
  },
  DroppedSpans: trouble(
    'span',
    'Spans of traces that never reached their receiver: it was away for too long, or refused them.',
    'every function',
  ),
  Defects: trouble(
    'defect',
    'Log lines about a defect: a fault that does not pass by itself. Its `service` is the name of the deployment.',
    'every function',
  ),
  RefusedCalls: trouble(
    'call',
    'Calls without a valid key. CloudWatch counts them in the access log; its metric has the name `RefusedCalls-NAME`, with the name of the deployment.',
    'access log',
  ),
} satisfies Definitions

/**
 * The definitions of all metrics of Sluice. Functions can count only these metrics. The log lines, OTLP, the page
 * `/metrics`, docs/metrics.md, the dashboard, the alarms and the bill take all facts from here. The labels are
 * `service`, `model`, `queue` and fixed attributes of OpenTelemetry's conventions, so pipeline.yaml limits the number
 * of series, and it never grows with users.
 */
export const METRICS = { ...ADMISSION, ...CALLS, ...FLOW_CONTROL, ...ENDS, ...OPERATION } satisfies Definitions

export type MetricName = keyof typeof METRICS

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[]

export const definitionOf = (name: MetricName): MetricDefinition => METRICS[name]
