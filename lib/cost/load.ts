import { Priority } from '../../functions/core/domain/ids.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { Model } from '../config/model-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import { BILLED_SECONDS, SECONDS_PER_MONTH } from './assumptions.ts'
import { type Inventory, type Mapping, mappingOf } from './inventory.ts'

/** The traffic of a month. */
export interface Traffic {
  readonly requests: number
  /** The time of one call of a model. */
  readonly modelSeconds: number
  /** The reservations that the user of a request has open at the same time. They make the quota item larger. */
  readonly open: number
}

/** The load of one model: its part of the requests, all with priority `normal`. */
export interface ModelLoad {
  readonly model: string
  readonly requests: number
  readonly invocations: number
  readonly gbSeconds: number
  /** Calls of SendMessage and SendMessageBatch. */
  readonly sends: number
  readonly isRateLimited: boolean
  /** The most requests in a month that `concurrency`, `batch` and `rate_limit` allow. */
  readonly mostRequests: number
}

/** The load of a month, spread evenly over the time and over the models. That is the most expensive spread, since no batch fills. */
export interface Load {
  readonly models: readonly ModelLoad[]
  /** Invocations of the collector for the outcome of each request. */
  readonly collections: number
}

export function loadOf(pipeline: Pipeline, inventory: Inventory, traffic: Traffic): Load {
  const names = Object.keys(pipeline.models)
  const results = inventory.mappings.find(({ queue }) => queue === `${pipeline.name}-${RESULTS_QUEUE}`)
  if (!results) throw new Error('the template has no mapping for the results queue')
  const events = traffic.requests
  return {
    models: names.map(name =>
      modelLoad(pipeline, inventory, { ...traffic, requests: traffic.requests / names.length }, name),
    ),
    collections: events / perInvocation(results, events, BILLED_SECONDS.collector),
  }
}

function modelLoad(pipeline: Pipeline, inventory: Inventory, traffic: Traffic, name: string): ModelLoad {
  const { requests, modelSeconds } = traffic
  const mapping = mappingOf(inventory, pipeline.name, name, Priority.enum.normal)
  const model = pipeline.models[name]
  if (!model) throw new Error(`no model is called ${name}`)
  const together = perInvocation(mapping, requests, modelSeconds)
  const invocations = requests / together
  return {
    model: name,
    requests,
    invocations,
    gbSeconds: (invocations * (modelSeconds + BILLED_SECONDS.worker) * mapping.memory) / 1_024,
    sends: model.batch ? invocations * sendsOfBatch(together) : requests,
    isRateLimited: model.rate_limit !== undefined,
    mostRequests: mostRequests(model, mapping, modelSeconds),
  }
}

function mostRequests({ batch, rate_limit }: Model, mapping: Mapping, modelSeconds: number): number {
  const perCall = batch?.count ?? 1
  const atOnce = mapping.maxConcurrency * mapping.batchSize
  const byConcurrency = modelSeconds > 0 ? (atOnce / modelSeconds) * SECONDS_PER_MONTH : Number.POSITIVE_INFINITY
  const byRateLimit = rate_limit
    ? perCall * rate_limit.count * ((SECONDS_PER_MONTH * 1_000) / rate_limit.interval)
    : Number.POSITIVE_INFINITY
  return Math.min(byConcurrency, byRateLimit)
}

/**
 * How many messages an invocation takes on average. With a window, it takes those that arrive during the window. Without one, it
 * takes what waits: one message, until all invocations that the mapping allows are busy.
 */
function perInvocation(
  { batchSize, windowSeconds, maxConcurrency }: Mapping,
  messages: number,
  seconds: number,
): number {
  const perSecond = messages / SECONDS_PER_MONTH
  const waiting = windowSeconds > 0 ? 1 + perSecond * windowSeconds : (perSecond * seconds) / maxConcurrency
  return Math.min(batchSize, Math.max(1, waiting))
}

/** The outcomes of a batch are sent at the same moment: the first alone, the others behind it, ten in a send. */
const sendsOfBatch = (messages: number): number => 1 + Math.max(Math.min(1, messages - 1), (messages - 1) / 10)
