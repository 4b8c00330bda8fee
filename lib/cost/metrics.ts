import type { Appears, Source } from '../../functions/core/platform/metrics/definition.ts'
import { definitionOf, METRIC_NAMES, type MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import type { Pipeline } from '../config/schema.ts'

/*
 * Counts the metrics that CloudWatch bills. It bills each combination of a metric's name and dimensions as one metric, for
 * each hour in which the metric has a value. So a metric costs nothing in hours in which it counts nothing.
 */

/** Returns the names of the CloudWatch metrics to which a function adds values in the situation `appears`, for example `with requests`. */
function namesOf(source: Source, appears: Appears): MetricName[] {
  return METRIC_NAMES.filter(name => {
    const { sources, on_cloudwatch } = definitionOf(name)
    return sources[source] === appears && on_cloudwatch !== 'only in the log'
  })
}

/** Returns whether CloudWatch has this metric once per model. */
const isPerModel = (name: MetricName): boolean => definitionOf(name).on_cloudwatch === 'per model'

const collectorNames = namesOf('collector', 'with requests')

/** The number of metrics that exist once per deployment, and not per model, if all requests are completed. */
export const sharedCount =
  namesOf('gateway', 'with requests').length + collectorNames.filter(name => !isPerModel(name)).length

/** Returns the number of metrics that a model adds if it has traffic. */
export const metricsOf = ({ batch }: Pipeline['models'][string]): number =>
  namesOf('worker', 'with requests').length +
  collectorNames.filter(isPerModel).length +
  (batch ? namesOf('worker', 'with batches').length : 0)

/**
 * Returns the highest number of additional metrics: those that have values only after a refusal, a deferral (a message is
 * sent again with a delay), a loss or a failure, and those of input queues. A metric of the worker counts once per model,
 * since each model has one worker.
 */
export function troubleMetrics(models: number): number {
  return METRIC_NAMES.flatMap(name =>
    Object.entries(definitionOf(name).sources)
      .filter(([, appears]) => appears === 'in trouble' || appears === 'with inputs')
      .map(([source]) => (source === 'worker' || isPerModel(name) ? models : 1)),
  ).reduce((sum, count) => sum + count, 0)
}
