import { Priority } from '../../functions/core/domain/ids.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { Model } from '../config/model-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import {
  BILLED_SECONDS,
  BURSTS_PER_MONTH,
  HOURS_PER_MONTH,
  INVOCATIONS_PER_START,
  SECONDS_PER_MONTH,
  START_SECONDS,
} from './assumptions.ts'
import { type Inventory, type Mapping, mappingOf } from './inventory.ts'
import { sweepsOf } from './sweeps.ts'

/**
 * How the requests of a month are spread over its time.
 *
 * - `even`: requests come at the same pace all the time. Then messages do not share invocations, and the database never
 *   pauses.
 * - `bursts`: many requests come together and wait in their queue. Workers make all the calls that `concurrency` allows,
 *   until all requests have ended. Then each invocation has as many messages as allowed, which costs less. But every sweep
 *   reads each waiting request, so longer bursts cost more.
 */
export const SPREADS = ['even', 'bursts'] as const
export type Spread = (typeof SPREADS)[number]

/** The traffic of a month. */
export interface Traffic {
  readonly requests: number
  /** The time of one call to a model, in seconds. */
  readonly modelSeconds: number
  /** The number of simultaneous open reservations per user. Each makes the user's quota item larger, and its writes dearer. */
  readonly open: number
  readonly spread: Spread
}

/** The load of one model in a month. All models get the same number of requests, and all requests have the priority `normal`. */
export interface ModelLoad {
  readonly model: string
  readonly requests: number
  readonly invocations: number
  readonly gbSeconds: number
  /** The billed time of the starts of environments. */
  readonly startGbSeconds: number
  /** Calls of SendMessage and SendMessageBatch. */
  readonly sends: number
  readonly isRateLimited: boolean
  /** The most requests in a month that `concurrency`, `batch` and `rate_limit` allow. */
  readonly mostRequests: number
  /** The time of the month in which the model has queued or running requests. */
  readonly busySeconds: number
  /**
   * How often the sweeper reads request items. AWS bills each read. Each sweep reads the items of all requests that have been
   * open for two minutes or longer.
   */
  readonly looks: number
  /** How often the sweeper sends the event `accepted` for requests that have been open for two minutes. The collector then writes their rows in the ledger. */
  readonly announcements: number
}

/** The load of a month. All models have the same number of requests. */
export interface Load {
  readonly models: readonly ModelLoad[]
  /**
   * Invocations of the collector: for the events `outcome` of requests, and for the events `accepted` that the sweeper sends
   * (announcements). A sweep sends many `accepted` events at a time. So they fill the batches of the collector, and need few
   * invocations.
   */
  readonly collections: number
  /** The time of the month in which any model has queued or running requests. */
  readonly busySeconds: number
  /** The hours of the month in which the metrics of requests have values. CloudWatch bills metrics for these hours only. */
  readonly hoursWithMetrics: number
}

export function loadOf(pipeline: Pipeline, inventory: Inventory, traffic: Traffic): Load {
  const names = Object.keys(pipeline.models)
  const results = inventory.mappings.find(({ queue }) => queue === `${pipeline.name}-${RESULTS_QUEUE}`)
  if (!results) throw new Error('the template has no mapping for the results queue')
  const events = traffic.requests
  const each = { ...traffic, requests: traffic.requests / names.length }
  const models = names.map(name => modelLoad(pipeline, inventory, each, name))
  const busySeconds = traffic.requests === 0 ? 0 : Math.max(...models.map(({ busySeconds }) => busySeconds))
  const bursts = traffic.spread === 'even' ? 0 : BURSTS_PER_MONTH
  const outcomes = events === 0 ? 0 : events / perInvocation(results, events / busySeconds, BILLED_SECONDS.collector)
  const announcements = models.reduce((sum, model) => sum + model.announcements, 0)
  return {
    models,
    collections: outcomes + announcements / results.batchSize,
    busySeconds,
    hoursWithMetrics: Math.min(HOURS_PER_MONTH, traffic.requests, busySeconds / 3_600 + bursts),
  }
}

function modelLoad(pipeline: Pipeline, inventory: Inventory, traffic: Traffic, name: string): ModelLoad {
  const { requests, modelSeconds } = traffic
  const mapping = mappingOf(inventory, pipeline.name, name, Priority.enum.normal)
  const model = pipeline.models[name]
  if (!model) throw new Error(`no model is called ${name}`)
  const billedSeconds = modelSeconds + BILLED_SECONDS.worker
  const most = mostPerSecond(model, mapping, billedSeconds)
  const busySeconds = traffic.spread === 'even' ? SECONDS_PER_MONTH : Math.min(SECONDS_PER_MONTH, requests / most)
  const together = requests === 0 ? 1 : perInvocation(mapping, requests / busySeconds, billedSeconds)
  const invocations = requests / together
  // The sweeper's work depends on how long requests are open. The first request of a burst is open only for its call, and the last for the whole burst.
  const burst = traffic.spread === 'even' ? 0 : busySeconds / BURSTS_PER_MONTH
  const billed = mapping.isManaged ? 0 : mapping.memory
  const { looks, announcements } = sweepsOf(billedSeconds, Math.max(billedSeconds, burst))
  return {
    model: name,
    requests,
    invocations,
    gbSeconds: (invocations * billedSeconds * billed) / 1_024,
    startGbSeconds: startGbSeconds(invocations, billed),
    sends: model.batch ? invocations * sendsOfBatch(together) : requests,
    isRateLimited: model.rate_limit !== undefined,
    mostRequests: most * SECONDS_PER_MONTH,
    busySeconds,
    looks: requests * looks,
    announcements: requests * announcements,
  }
}

/** Returns the billed time of the environments' starts for a number of invocations, in GB-seconds. `memory` is in MB. */
export const startGbSeconds = (invocations: number, memory: number): number =>
  ((invocations / INVOCATIONS_PER_START) * START_SECONDS * memory) / 1_024

/** Returns the most requests per second that `concurrency`, `batch` and `rate_limit` allow. */
function mostPerSecond({ batch, rate_limit }: Model, mapping: Mapping, billedSeconds: number): number {
  const byConcurrency = (mapping.maxConcurrency * mapping.batchSize) / billedSeconds
  if (!rate_limit) return byConcurrency
  return Math.min(byConcurrency, ((batch?.count ?? 1) * rate_limit.count * 1_000) / rate_limit.interval)
}

/**
 * Returns the average number of messages per invocation. With a batch window, an invocation takes the messages that arrive
 * during the window. Without a window, Lambda starts an invocation for each message, so an invocation has one message.
 * Only when all allowed invocations run, messages wait, and the next invocation takes several. `seconds` is the duration
 * of an invocation.
 */
export function perInvocation(
  { batchSize, windowSeconds, maxConcurrency }: Mapping,
  perSecond: number,
  seconds: number,
): number {
  const waiting = windowSeconds > 0 ? 1 + perSecond * windowSeconds : (perSecond * seconds) / maxConcurrency
  return Math.min(batchSize, Math.max(1, waiting))
}

/**
 * Returns the number of calls to SQS that send the outcomes of a batch. The queue adapter sends the first outcome at once in
 * a call of its own. The other outcomes arrive at the same moment, so they share calls, ten outcomes per call.
 */
const sendsOfBatch = (messages: number): number => 1 + Math.max(Math.min(1, messages - 1), (messages - 1) / 10)
