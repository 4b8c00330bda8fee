import type { Pipeline } from '../config/schema.ts'

/*
 * CloudWatch bills each combination of a metric's name and its dimensions, for each hour in which it has a value. So a metric
 * costs nothing while nothing happens that it counts. A test compares these names with those that the functions use.
 */

/** The metrics that a deployment has without traffic: the sweeper counts at each of its runs. */
export const ALWAYS = { sweeper: ['StaleReservations'] }

/** The metrics of requests that end well, by the function that counts them. Each has the dimension `service`. */
export const IN_TRAFFIC = {
  gateway: ['AcceptedRequests', 'ReservedTokens'],
  collector: ['CompletedRequests', 'ChargedTokens'],
  worker: ['DeliveredRequests', 'ModelCalls', 'TimeLeft'],
}
/** One more of a worker with `batch`. */
export const WITH_BATCH = ['BatchSize']
/** One more of each model, with the dimension `model`, of the collector. */
export const PER_MODEL = ['CompletedRequests']

/** The metrics that appear only where something is refused, deferred, lost or failed. */
export const IN_TROUBLE = {
  deployment: ['Defects', 'RefusedCalls'],
  gateway: ['RefusedRequests', 'RefusedWaits', 'LostAcceptedEvents'],
  reader: ['RefusedWaits'],
  intake: ['AcceptedRequests', 'ReservedTokens', 'RefusedRequests', 'ReturnedMessages', 'LostAcceptedEvents'],
  collector: ['ReturnedMessages', 'FailedRequests', 'CancelledRequests', 'ExpiredRequests'],
  worker: [
    ...['FailedCalls', 'RetriedRequests', 'ReturnedMessages', 'DeferredByCircuit', 'DeferredByPause'],
    ...['DeferredByRateLimit', 'CircuitOpened', 'CircuitClosed', 'ModelPaused'],
    ...[
      'DeferredByHalt',
      'DeferredByConcurrency',
      'AttemptsGivenBack',
      'ModelHalted',
      'ModelResumed',
      'UnreadableUsage',
    ],
  ],
}

const count = (of: Readonly<Record<string, readonly string[]>>): number => Object.values(of).flat().length

export const ALWAYS_COUNT = count(ALWAYS)

/** The number of metrics that all functions together have once there is traffic. */
export const SHARED_COUNT = IN_TRAFFIC.gateway.length + IN_TRAFFIC.collector.length

/** The number of metrics that a model adds once it has traffic. */
export const metricsOf = ({ batch }: Pipeline['models'][string]): number =>
  IN_TRAFFIC.worker.length + PER_MODEL.length + (batch ? WITH_BATCH.length : 0)
