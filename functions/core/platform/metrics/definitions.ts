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
    'Requests that were not admitted, because of the quota, the rate, or a mistake in the request.',
    'gateway',
    'intake',
  ),
  RefusedWaits: trouble(
    'call',
    'Calls that asked to wait, but were answered at once because too many calls already waited.',
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
      'The shortest time until the deadline among the received requests. Only requests that have waited for a quarter of their time are measured.',
    sources: { worker: 'in trouble' },
  },
  ModelCalls: {
    kind: 'counter',
    unit: 'Count',
    thing: 'call',
    description: 'Calls to the model.',
    sources: { worker: 'with requests' },
    on_cloudwatch: 'only in the log',
  },
  ModelLatency: {
    kind: 'histogram',
    unit: 'Seconds',
    description: 'The time from a call to the model to the last byte of its answer, or to its failure.',
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
    description: 'The number of requests in one call to a model with `batch`.',
    sources: { worker: 'with batches' },
    buckets: BATCH_BUCKETS,
  },
  FailedCalls: trouble('call', 'Failed calls to the model that may succeed when they are repeated.', 'worker'),
  RetriedRequests: trouble('request', 'Requests that will be tried again after a failed call.', 'worker'),
  AttemptsGivenBack: trouble('attempt', 'Failed calls that did not count as an attempt of their request.', 'worker'),
  UnreadableUsage: trouble('answer', 'Answers of the model whose usage could not be read.', 'worker'),
} satisfies Definitions

const FLOW_CONTROL = {
  DeferredByHalt: trouble('request', 'Requests that were deferred because their model is halted.', 'worker'),
  DeferredByCircuit: trouble('request', 'Requests that were deferred because the circuit is open.', 'worker'),
  DeferredByPause: trouble('request', 'Requests that were deferred because the model asked for a pause.', 'worker'),
  DeferredByRateLimit: trouble(
    'request',
    'Requests that were deferred to their time slot in the rate limit.',
    'worker',
  ),
  DeferredByConcurrency: trouble(
    'request',
    'Requests that were deferred because the model takes one call at a time, and another call was running.',
    'worker',
  ),
  CircuitOpened: trouble(
    'change',
    'The number of times that the circuit has opened. A failed probe counts, too.',
    'worker',
  ),
  CircuitClosed: trouble('change', 'The number of times that the circuit has closed.', 'worker'),
  ModelPaused: trouble('change', 'The number of times that the model has asked for a pause.', 'worker'),
  ModelHalted: trouble(
    'change',
    'The number of times that the model was halted. A failed probe counts, too.',
    'worker',
  ),
  ModelResumed: trouble('change', 'The number of times that a halt has ended.', 'worker'),
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
    description: 'Tokens that were charged for ended requests.',
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
    'Messages that a function could not process. The queue delivers them again.',
    'worker',
    'collector',
    'intake',
  ),
  StaleReservations: {
    kind: 'counter',
    unit: 'Count',
    thing: 'reservation',
    description: 'Reservations that a crash had left open and the sweeper has closed.',
    sources: { sweeper: 'in trouble' },
  },
  WaitingMessages: {
    kind: 'gauge',
    unit: 'Count',
    thing: 'message',
    description:
      'Messages in a queue of a RabbitMQ broker that no function has taken yet. For other queues, CloudWatch has this number.',
    sources: { sweeper: 'with a broker' },
    on_cloudwatch: 'per service and queue',
  },
  DroppedSpans: trouble(
    'span',
    'Spans of traces that never reached the receiver, because it did not answer for too long, or refused them.',
    'every function',
  ),
  Defects: trouble(
    'defect',
    'Log lines about a defect, which is a fault that does not go away by itself. In CloudWatch, `service` is the name of the deployment.',
    'every function',
  ),
  RefusedCalls: trouble(
    'call',
    'Calls without a valid key. CloudWatch counts them in the access log. The metric is named `RefusedCalls-NAME`; NAME is the name of the deployment.',
    'access log',
  ),
} satisfies Definitions

/**
 * The definitions of all metrics of Sluice. Functions can count only these metrics. The log lines, OTLP, the page
 * `/metrics`, docs/metrics.md, the dashboard, the alarms and the bill take all facts from here. The labels are
 * `service`, `model`, `queue` and fixed attributes of OpenTelemetry's conventions, so the number of series depends only
 * on pipeline.yaml, and never grows with the number of users.
 */
export const METRICS = { ...ADMISSION, ...CALLS, ...FLOW_CONTROL, ...ENDS, ...OPERATION } satisfies Definitions

export type MetricName = keyof typeof METRICS

export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[]

export const definitionOf = (name: MetricName): MetricDefinition => METRICS[name]
