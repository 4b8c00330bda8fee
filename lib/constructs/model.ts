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
import type { Deployment, Environments } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import { allowModelAccess } from './model-access.ts'
import type { PayloadStore } from './payload-store.ts'
import { policiesOf } from './policies.ts'
import type { Results } from './results.ts'
import type { Tables } from './tables.ts'
import type { ConsumerProps, QueueBackend, WorkQueue } from './work-queue.ts'
import { managedMemory, type WorkerLoad, workerMemory } from './worker-memory.ts'

/**
 * The longest delay of a deferred request, whose message was sent again with a delay. Until the message is received again,
 * the worker reports no waiting time of the request. So the period of the alarm on waiting requests is longer than this
 * delay. Otherwise the alarm would end while requests still wait.
 */
const LONGEST_DEFERRAL = Duration.seconds(SQS_CAPABILITIES.max_delay_seconds)

/**
 * The number of failed requests per period from which the alarm can start. The number is small and the period is long.
 * So the alarm notices a wrong API key even if a model gets only a dozen requests per hour.
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
 * One model, with one queue per priority and one worker function for both. So a model that does not answer does not
 * delay other models. Many requests of normal priority do not delay those of high priority.
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
      metric: this.worker.failedDeliveries({ refused: deployment.instances !== undefined }),
      threshold: 3,
      periods: 3,
      description: `The workers of ${this.name} crash, or can't start requests: at least 3 times in each of three periods of 5 minutes. Fewer failures start no alarm, because the next delivery repairs them. Errors of the model itself are not counted here.`,
      runbook: 'workers-crash',
    })
  }

  /**
   * Adds the alarm on waiting requests. It uses the waiting time that workers measure. The age of messages in the queue
   * is not enough, because a deferral makes a new message, whose age begins at zero. If no worker runs, no waiting time
   * is measured. So the alarm also uses the age of the oldest message, if the backend measures this age.
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
      description: `Requests of ${this.name} have waited for half of queue.expire_after. They expire if they wait for all of this time.`,
      runbook: 'requests-are-waiting',
    })
  }

  /**
   * Adds the alarm on messages that no worker takes. RabbitMQ does not report the age of a message. So the alarm starts
   * if messages wait and the worker has not run at all.
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
      description: `At least one request of ${this.name} waits, and its worker has not run for ${UNTAKEN_PERIOD.toMinutes()} minutes. Usually a worker takes a request within a second.`,
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
      description: `Requests of ${this.name} fail: at least ${MIN_FAILURES} in ${FAILURES_PERIOD.toMinutes()} minutes, and at least half of all. Fewer failures start no alarm, because single requests may be the cause themselves.`,
      runbook: 'requests-fail',
    })
  }

  /**
   * Returns the shortest time that a request had until its deadline when a worker received it, in seconds. Workers
   * measure this time only for requests that have waited for a quarter of their time or longer.
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
      description: `The circuit of ${this.name} is open, so its requests wait. The circuit has opened after ${circuit.failures} failed calls.`,
      runbook: 'a-circuit-is-open',
    })
  }

  /**
   * Adds the alarm on a halt: the model is not called, because it gave an error that a retry can't fix. The metric also
   * counts failed probes, i.e. single calls that test the model. So the alarm lasts as long as the halt.
   */
  #watchHalt({ deployment }: ModelProps): void {
    const { circuit, endpoint } = modelOf(deployment, this.name)
    deployment.alarms.add(this, 'HaltAlarm', {
      metric: this.worker
        .counted('ModelHalted')
        .with({ period: betweenOpenings(circuit?.open ?? 0, endpoint.timeout) }),
      threshold: 1,
      description: `The model ${this.name} is halted: it has answered that no call will succeed, for example for a wrong key or for missing credit. Its requests wait. A single such answer starts the alarm, because no retry helps. \`npx sluice models list\` says why.`,
      runbook: 'a-model-is-halted',
    })
  }

  #worker({ deployment, name, queues, tables, payloads }: ModelProps): SluiceFunction {
    const { instances } = deployment
    const load = loadOf(deployment, name)
    const managed = instances && managedMemory(load)
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
        ...managed?.variables,
      } satisfies Own<Env>,
      queues,
      callsModels: true,
      timeout: workerTimeout(deployment, name),
      memory: managed?.mb ?? workerMemory(load),
      environments: managed && environmentsOf(deployment, name, instances.environments, managed.invocations),
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

/** Returns the timeout of a worker function. It is rounded up, because Lambda accepts only whole seconds. */
const workerTimeout = (deployment: Deployment, name: string): Duration =>
  Duration.seconds(Math.ceil((modelOf(deployment, name).endpoint.timeout + WORKER_MARGIN_MS) / 1000))

/**
 * Returns the period of the alarms on open circuits and halts. During an outage, the circuit opens again after each
 * failed probe, i.e. a single call that tests the model. The period is longer than the time between two openings. So the
 * alarm does not end and start again during one outage.
 */
const betweenOpenings = (open: number, timeout: number): Duration =>
  Duration.minutes(Math.ceil((Math.max(open, LONGEST_OPEN_MS) + timeout) / 60_000)).plus(ALARM_PERIOD)

/**
 * Returns the time for which Lambda collects messages before it invokes the worker with a batch. During this time, the
 * messages are already invisible in their queue, so the visibility timeout must include it. Otherwise SQS could deliver
 * the messages a second time while the worker still has them.
 */
const window = (deployment: Deployment, name: string): Duration =>
  Duration.millis(modelOf(deployment, name).batch?.period ?? 0)

/**
 * Returns the load of a worker. One function takes the messages of both priorities. So its memory must be
 * enough for the priority whose invocations have more messages.
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
 * The environments of a worker on managed instances in addition to those that its queues need. So all invocations have a
 * place also while AWS replaces an environment.
 */
const SPARE_ENVIRONMENTS = 1

/**
 * Returns the environments of a worker on managed instances. They have places for all invocations that the two queues may
 * have at the same time. Lambda refuses an invocation without a place, and its messages wait for their visibility timeout.
 */
function environmentsOf(deployment: Deployment, name: string, asked: number, invocations: number): Environments {
  const most = Priority.options.reduce((sum, priority) => sum + mappingOf(deployment, name, priority).maxConcurrency, 0)
  return { least: Math.max(asked, Math.ceil(most / invocations) + SPARE_ENVIRONMENTS), invocations }
}

/**
 * Returns the size and the number of the invocations for a priority's queue. A worker calls the model for all messages
 * of an invocation at the same time. If the model takes batches, the worker sends them in one call.
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
