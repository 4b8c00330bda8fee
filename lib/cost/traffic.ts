import type { Pipeline } from '../config/schema.ts'
import { gbSeconds } from './always.ts'
import {
  ACCESS_LOG_MONTHS,
  API_CALLS,
  BURSTS_PER_MONTH,
  BYTES,
  CALLS_PER_LOOKUP,
  DATABASE_IOS,
  HOURS_PER_MONTH,
  ITEM_MONTHS,
  LEAST_CAPACITY,
  PAUSE_AFTER_HOURS,
  SECONDS_PER_LOOK,
  STATEMENTS_PER_CAPACITY,
} from './assumptions.ts'
import {
  ACCEPTED,
  AUTHORIZED,
  LOOK_UNITS,
  MAPPING_CALLS,
  quotaWriteUnits,
  RATE_LIMITED,
  READ_COMPLETED,
  READ_QUEUED,
  SETTLED,
  WORKED,
} from './calls.ts'
import type { Inventory } from './inventory.ts'
import { type Item, item } from './item.ts'
import { type Load, startGbSeconds, type Traffic } from './load.ts'
import { metricsOf, sharedCount } from './metrics.ts'
import { PRICES } from './prices.ts'
import { ANNOUNCEMENTS_PER_SEND } from './sweeps.ts'

const GB = 1e9
const DAYS_PER_MONTH = 30

/** Returns the cost of a month's requests. */
export function trafficItems(pipeline: Pipeline, inventory: Inventory, load: Load, traffic: Traffic): Item[] {
  return [
    item('API Gateway', 'a POST and two GETs per request', API_CALLS * traffic.requests, PRICES.apiCall),
    ...lambdaItems(inventory, load, traffic),
    ...dynamoDbItems(load, traffic),
    ...(inventory.mappings.some(({ isPolled }) => isPolled) ? sqsItems(load, traffic) : []),
    ...auroraItems(pipeline, load, traffic),
    ...cloudWatchItems(pipeline, load, traffic),
    item('EC2', 'data out to clients and models', (traffic.requests * BYTES.transfer) / GB, PRICES.transferGb),
  ]
}

function lambdaItems(inventory: Inventory, load: Load, { requests }: Traffic): Item[] {
  const reads = (API_CALLS - 1) * requests
  const authorizations = API_CALLS * requests
  const works = sum(load.models.map(({ invocations }) => invocations))
  const startsOf = (service: string, invocations: number) => startGbSeconds(invocations, inventory.memory[service] ?? 0)
  const starts =
    startsOf('gateway', requests) +
    startsOf('reader', reads) +
    startsOf('authorizer', authorizations) +
    startsOf('collector', load.collections) +
    sum(load.models.map(({ startGbSeconds }) => startGbSeconds))
  const others =
    gbSeconds(inventory, 'gateway', requests) +
    gbSeconds(inventory, 'reader', reads) +
    gbSeconds(inventory, 'authorizer', authorizations) +
    gbSeconds(inventory, 'collector', load.collections) +
    (looksOf(load) * SECONDS_PER_LOOK * (inventory.memory.sweeper ?? 0)) / 1_024
  return [
    item('Lambda', 'invocations', requests + reads + authorizations + works + load.collections, PRICES.invocation),
    ...(inventory.environments > 0
      ? []
      : [item('Lambda', 'workers: time', sum(load.models.map(({ gbSeconds }) => gbSeconds)), PRICES.gbSecond)]),
    item('Lambda', 'other functions: time', others, PRICES.gbSecond),
    item('Lambda', 'starts of environments', starts, PRICES.gbSecond),
  ]
}

function dynamoDbItems(load: Load, { requests, open }: Traffic): Item[] {
  const { models } = load
  const limited = sum(models.map(model => (model.isRateLimited ? model.invocations : 0)))
  const itemWrites = (ACCEPTED.item_writes + WORKED.item_writes + SETTLED.item_writes) * requests
  const quotaWrites = (ACCEPTED.quota_writes + SETTLED.quota_writes) * requests * quotaWriteUnits(open)
  const states = sum(models.map(({ invocations }) => invocations)) * WORKED.reads + limited * RATE_LIMITED.reads
  const views = (READ_QUEUED.reads + READ_COMPLETED.reads) * requests
  const kept = (ITEM_MONTHS * requests * BYTES.item) / GB
  return [
    item('DynamoDB', 'writes of request items', itemWrites, PRICES.writeUnit),
    item('DynamoDB', 'writes of quota items', quotaWrites, PRICES.writeUnit),
    ...(limited > 0
      ? [item('DynamoDB', 'writes of rate limits', limited * RATE_LIMITED.writes, PRICES.writeUnit)]
      : []),
    item('DynamoDB', 'reads', states + views + AUTHORIZED.reads * lookupsOf(requests), PRICES.readUnit),
    item('DynamoDB', 'reads of requests that wait for minutes', LOOK_UNITS * looksOf(load), PRICES.readUnit),
    item('DynamoDB', 'items of 90 days', kept, PRICES.tableGb),
    item('DynamoDB', 'point-in-time recovery', kept, PRICES.recoveryGb),
  ]
}

function sqsItems(load: Load, { requests }: Traffic): Item[] {
  const { models, collections } = load
  const works = sum(models.map(({ invocations }) => invocations))
  const calls =
    ACCEPTED.sends * requests +
    sum(models.map(({ sends }) => sends)) +
    announcementsOf(load) / ANNOUNCEMENTS_PER_SEND +
    MAPPING_CALLS * (works + collections)
  return [
    item('SQS', 'messages: sent, received, deleted', calls, PRICES.sqsCall),
    item('SQS', 'the same calls, for fair queues', calls, PRICES.fairQueueCall),
  ]
}

function auroraItems({ observability }: Pipeline, load: Load, { requests, spread }: Traffic): Item[] {
  const { collections, busySeconds } = load
  const statements = collections + READ_COMPLETED.statements * requests
  // The database runs while requests call it, and then for half an hour more, until it pauses. AWS bills all of this time.
  const awakeHours = spread === 'even' ? HOURS_PER_MONTH : busySeconds / 3_600 + BURSTS_PER_MONTH * PAUSE_AFTER_HOURS
  const hours = Math.min(HOURS_PER_MONTH, awakeHours, requests * PAUSE_AFTER_HOURS)
  const perSecond = busySeconds > 0 ? statements / busySeconds : 0
  const capacity = Math.max(LEAST_CAPACITY, perSecond / STATEMENTS_PER_CAPACITY)
  const { ledger } = observability.retention
  const months = ledger === undefined ? 1 : ledger / 86_400_000 / DAYS_PER_MONTH
  const rows = ledger === undefined ? 'rows of one month; each further month adds as much' : 'rows that are kept'
  return [
    item('Aurora', 'Data API', statements, PRICES.dataApiCall),
    item('Aurora', 'capacity', hours * capacity, PRICES.capacityHour),
    item('Aurora', 'I/O', (requests + announcementsOf(load)) * DATABASE_IOS, PRICES.databaseIo),
    item('Aurora', rows, (months * requests * BYTES.row) / GB, PRICES.databaseGb),
  ]
}

function cloudWatchItems({ models }: Pipeline, load: Load, { requests }: Traffic): Item[] {
  const accessLog = (API_CALLS * requests * BYTES.access_log) / GB
  const functionLogs =
    (requests * (BYTES.gateway_log + BYTES.settled_log) +
      sum(load.models.map(({ invocations }) => invocations)) * BYTES.worker_log) /
    GB
  const metrics =
    (load.hoursWithMetrics / HOURS_PER_MONTH) *
    (sharedCount + sum(load.models.map(({ model }) => metricsIn(models, model))))
  return [
    item('CloudWatch', 'custom metrics of requests', metrics, PRICES.customMetric),
    item('CloudWatch', 'access log', accessLog, PRICES.logGb),
    item('CloudWatch', 'log lines of functions', functionLogs, PRICES.logGb),
    item('CloudWatch', 'logs that are kept', accessLog * ACCESS_LOG_MONTHS + functionLogs, PRICES.logStorageGb),
  ]
}

function metricsIn(models: Pipeline['models'], name: string): number {
  const model = models[name]
  return model ? metricsOf(model) : 0
}

const looksOf = ({ models }: Load): number => sum(models.map(({ looks }) => looks))

const announcementsOf = ({ models }: Load): number => sum(models.map(({ announcements }) => announcements))

const lookupsOf = (requests: number): number => (API_CALLS * requests) / CALLS_PER_LOOKUP

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
