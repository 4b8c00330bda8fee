import { Duration } from 'aws-cdk-lib'
import { MathExpression, type Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import { Priority } from '../../functions/core/domain/ids.ts'
import { WORKER_MARGIN_MS } from '../../functions/core/domain/timing.ts'
import { needsThread } from '../../functions/core/expressions/expression.ts'
import { LONGEST_OPEN_MS } from '../../functions/core/flow-control/circuit-breaker.ts'
import { queueName } from '../../functions/core/queue/names.ts'
import { SQS_CAPABILITIES } from '../../functions/core/queue/sqs-capabilities.ts'
import type { Env } from '../../functions/worker/env.ts'
import type { Settings } from '../../functions/worker/settings.ts'
import { executionsOf } from '../config/executions.ts'
import { openAiEndpointOf } from '../config/providers/openai-endpoint.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import { allowModelAccess } from './model-access.ts'
import type { PayloadStore } from './payload-store.ts'
import { policiesOf } from './policies.ts'
import type { Results } from './results.ts'
import type { Tables } from './tables.ts'
import type { ConsumerProps, QueueBackend, WorkQueue } from './work-queue.ts'
import { type WorkerLoad, workerMemory } from './worker-memory.ts'

/** The latest time after which a deferred request comes back. The alarm on waiting requests must not end before. */
const LONGEST_DEFERRAL = Duration.seconds(SQS_CAPABILITIES.max_delay_seconds)

/**
 * The number of failures that is an alarm. It is small and its period is long, so that the alarm notices a wrong API
 * key even if a model gets only a dozen requests per hour.
 */
const MIN_FAILURES = 3
const FAILURES_PERIOD = Duration.minutes(15)

const UNTAKEN_PERIOD = Duration.minutes(15)

export interface ModelProps {
  readonly deployment: Deployment
  readonly name: string
  readonly queues: QueueBackend
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly results: Results
}

/**
 * One model, with one queue per priority and one worker function for both. So a model that hangs does not delay other models, and many
 * normal requests do not delay high ones.
 */
export class Model extends Construct {
  readonly name: string
  /** The URLs that the worker calls. */
  readonly urls: ReadonlySet<string>
  readonly queues: Readonly<Record<Priority, WorkQueue>>
  readonly worker: SluiceFunction

  constructor(scope: Construct, id: string, props: ModelProps) {
    super(scope, id)
    this.name = props.name
    const { endpoint, batch } = modelOf(props.deployment, props.name)
    this.urls = new Set([endpoint.url, batch?.url ?? endpoint.url])
    this.worker = this.#worker(props)
    this.queues = { high: this.#queue(props, 'high'), normal: this.#queue(props, 'normal') }
    this.#grant(props)
    this.#watchWorker(props)
    this.#watchWaiting(props)
    this.#watchUntaken(props)
    this.#watchFailures(props)
    this.#watchCircuit(props)
    this.#watchHalt(props)
  }

  #watchWorker({ deployment }: ModelProps): void {
    deployment.alarms.add(this, 'WorkerAlarm', {
      metric: this.worker.failedDeliveries(),
      threshold: 3,
      periods: 3,
      description: `Workers of ${this.name} crash, or can't start requests. It takes 3 in each of three periods of 5 minutes, since a redelivery repairs a few. A model's own errors are not counted here.`,
      runbook: 'workers-crash',
    })
  }

  /**
   * Adds the alarm on waiting requests. It uses the waiting time that workers measure, because a deferred request is a
   * new message in its queue. It also uses the age in the queues, if the backend knows it, for the case that no worker
   * runs.
   */
  #watchWaiting({ deployment }: ModelProps): void {
    const seconds = deployment.pipeline.queue.expire_after / 1_000
    const waited = `${seconds} - FILL(left, ${seconds})`
    const [high, normal] = [this.queues.high.oldest(), this.queues.normal.oldest()]
    const ages = high && normal ? { high, normal } : undefined
    deployment.alarms.add(this, 'WaitingAlarm', {
      metric: new MathExpression({
        expression: ages ? `MAX([FILL(high, 0), FILL(normal, 0), ${waited}])` : waited,
        usingMetrics: { ...ages, left: this.timeLeft() },
        period: LONGEST_DEFERRAL.plus(ALARM_PERIOD),
        label: 'seconds waited',
      }),
      threshold: seconds / 2,
      description: `Requests of ${this.name} have waited half of queue.expire_after. They expire after all of it.`,
      runbook: 'requests-are-waiting',
    })
  }

  /**
   * Adds the alarm on messages that no worker takes. RabbitMQ does not report the age of a message. So waiting messages
   * are a fault if the worker does not run at all.
   */
  #watchUntaken({ deployment }: ModelProps): void {
    const { high, normal } = this.queues
    if (high.oldest() !== undefined) return
    const [highWaiting, normalWaiting] = [high.waiting(), normal.waiting()]
    deployment.alarms.add(this, 'UntakenAlarm', {
      metric: new MathExpression({
        expression: 'IF(FILL(runs, 0) == 0, FILL(high, 0) + FILL(normal, 0), 0)',
        usingMetrics: { high: highWaiting, normal: normalWaiting, runs: this.worker.lambda.metricInvocations() },
        period: UNTAKEN_PERIOD,
        label: 'not taken',
      }),
      threshold: 1,
      description: `Requests of ${this.name} wait, and its worker has not run for ${UNTAKEN_PERIOD.toMinutes()} minutes. From 1, since a request is taken in a second.`,
      runbook: 'messages-are-not-taken',
    })
  }

  #watchFailures({ deployment, results }: ModelProps): void {
    deployment.alarms.add(this, 'FailuresAlarm', {
      metric: new MathExpression({
        expression: `IF(FILL(failed, 0) >= ${MIN_FAILURES} AND FILL(failed, 0) >= FILL(completed, 0), FILL(failed, 0), 0)`,
        usingMetrics: {
          failed: results.collector.counted('FailedRequests', this.name),
          completed: results.collector.counted('CompletedRequests', this.name),
        },
        period: FAILURES_PERIOD,
        label: 'failed',
      }),
      threshold: MIN_FAILURES,
      description: `Requests of ${this.name} fail. It takes ${MIN_FAILURES} in ${FAILURES_PERIOD.toMinutes()} minutes, and half of all, since a few may be at fault themselves.`,
      runbook: 'requests-fail',
    })
  }

  /**
   * Returns the shortest time that a request had until its deadline when a worker received it, in seconds. There are
   * values only if a request has waited for long.
   */
  timeLeft(): Metric {
    return this.worker.counted('TimeLeft').with({ label: 'least time left' })
  }

  #watchCircuit({ deployment }: ModelProps): void {
    const { circuit, endpoint } = modelOf(deployment, this.name)
    if (!circuit) return
    deployment.alarms.add(this, 'CircuitAlarm', {
      metric: this.worker.counted('CircuitOpened').with({ period: betweenOpenings(circuit.open, endpoint.timeout) }),
      threshold: 1,
      description: `The circuit of ${this.name} is open: its requests wait. It has opened after ${circuit.failures} failed calls.`,
      runbook: 'a-circuit-is-open',
    })
  }

  /** Adds the alarm on a halt. A failed probe counts, too, so the alarm lasts as long as the halt. */
  #watchHalt({ deployment }: ModelProps): void {
    const { circuit, endpoint } = modelOf(deployment, this.name)
    deployment.alarms.add(this, 'HaltAlarm', {
      metric: this.worker
        .counted('ModelHalted')
        .with({ period: betweenOpenings(circuit?.open ?? 0, endpoint.timeout) }),
      threshold: 1,
      description: `The model ${this.name} is halted: it has answered that no call will succeed, for example for a wrong key or for missing credit. Its requests wait. From 1, since no retry heals it. \`npx sluice models list\` says why.`,
      runbook: 'a-model-is-halted',
    })
  }

  #worker({ deployment, name, queues, tables, payloads }: ModelProps): SluiceFunction {
    return new SluiceFunction(this, 'Worker', {
      deployment,
      entryPoint: 'worker',
      service: `worker-${name}`,
      settings: workerSettings(deployment, name),
      environment: {
        REQUESTS_TABLE: tables.requests.tableName,
        QUOTA_TABLE: tables.quota.tableName,
        MODELS_TABLE: tables.models.tableName,
        PAYLOADS_BUCKET: payloads.bucket.bucketName,
      } satisfies Own<Env>,
      queues,
      callsModels: true,
      timeout: workerTimeout(deployment, name),
      memory: workerMemory(loadOf(deployment, name)),
      // The worker defers a request: it sends the request to its own queue again.
      mayLoop: true,
    })
  }

  #queue({ deployment, name, queues, results }: ModelProps, priority: Priority): WorkQueue {
    const { pipeline } = deployment
    const queue = queues.workQueue(this, priority === 'high' ? 'High' : 'Normal', {
      queueName: `${pipeline.name}-${queueName(name, priority)}`,
      consumerTimeout: workerTimeout(deployment, name).plus(window(deployment, name)),
      deadLetters: results.givenUp,
      split: true,
    })
    queue.feed(this.worker, 'Mapping', mappingOf(deployment, name, priority))
    return queue
  }

  #grant({ deployment, name, queues, tables, payloads, results }: ModelProps): void {
    this.worker.allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], [tables.requests.tableArn])
    this.worker.allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], [tables.quota.tableArn])
    this.worker.allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [tables.models.tableArn])
    queues.allowSending(this.worker, [...Object.values(this.queues), results.work])
    payloads.allow(this.worker, 's3:DeleteObject', 's3:GetObject', 's3:PutObject')
    allowModelAccess(this.worker, modelOf(deployment, name))
  }
}

function modelOf({ pipeline }: Deployment, name: string) {
  const model = pipeline.models[name]
  if (!model) throw new Error(`no model is called ${name}`)
  return model
}

function workerSettings(deployment: Deployment, name: string): Settings {
  const configured = modelOf(deployment, name)
  const { provider, model, endpoint, request, response, batch, retry, price, ...protection } = configured
  const openai = openAiEndpointOf(name, configured)
  const { timeout, headers, auth } = endpoint
  const { store_prompts } = deployment.pipeline.observability
  const { period, max_backoff, ...rules } = retry
  return {
    model: name,
    ...(provider !== undefined && { provider }),
    ...(model !== undefined && { endpoint_model: model }),
    endpoint: { url: batch?.url ?? endpoint.url, timeout_ms: timeout, headers, ...(auth && { auth }) },
    request,
    response,
    batched: batch !== undefined,
    ...(batch?.outputs !== undefined && { outputs: batch.outputs }),
    retry: { ...rules, period_ms: period, max_backoff_ms: max_backoff },
    ...policiesOf(protection),
    store_prompts,
    ...(price && { price }),
    ...(openai && { openai }),
  }
}

/** Returns the timeout of a worker function. Lambda wants whole seconds. */
const workerTimeout = (deployment: Deployment, name: string): Duration =>
  Duration.seconds(Math.ceil((modelOf(deployment, name).endpoint.timeout + WORKER_MARGIN_MS) / 1000))

/**
 * Returns the period of the circuit's alarm. It is longer than the time between two openings of a circuit, including
 * the probe. So one outage is one alarm.
 */
const betweenOpenings = (open: number, timeout: number): Duration =>
  Duration.minutes(Math.ceil((Math.max(open, LONGEST_OPEN_MS) + timeout) / 60_000)).plus(ALARM_PERIOD)

/**
 * Returns the time for which messages are collected before a batch is called. The messages are invisible in the queue
 * during this time.
 */
const window = (deployment: Deployment, name: string): Duration =>
  Duration.millis(modelOf(deployment, name).batch?.period ?? 0)

/**
 * Returns the load of a worker. The same function takes the messages of both priorities, so the larger batch counts.
 */
function loadOf(deployment: Deployment, name: string): WorkerLoad {
  const { batch, request, response, retry } = modelOf(deployment, name)
  const conditions = [retry.halt_when, retry.drop_when, retry.backoff_when, batch?.outputs].filter(
    one => one !== undefined,
  )
  const sizes = Priority.options.map(priority => mappingOf(deployment, name, priority).batchSize)
  return {
    messages: Math.max(...sizes),
    batched: batch !== undefined,
    inThread: [request, response, ...conditions].some(needsThread),
  }
}

/**
 * Returns the invocations of a priority's queue. A worker calls the model for all messages of an invocation at the same
 * time. With batches, each invocation is one call.
 */
function mappingOf(deployment: Deployment, name: string, priority: Priority): ConsumerProps {
  const { batch } = modelOf(deployment, name)
  const { mapping, calls } = executionsOf(deployment.pipeline).worker(name, priority)
  return {
    batchSize: calls,
    maxConcurrency: mapping,
    ...(batch && { window: Duration.millis(batch.period) }),
  }
}
