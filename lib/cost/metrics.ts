import type { Appears, Source } from '../../functions/core/platform/metrics/definition.ts'
import { definitionOf, METRIC_NAMES, type MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import type { Pipeline } from '../config/schema.ts'

/*
 * CloudWatch bills each combination of a metric's name and its dimensions, for each hour in which it has a value. So a
 * metric costs nothing as long as it has nothing to count.
 */

/** Returns the metrics of CloudWatch for which a function has values on the occasion `appears`. */
function namesOf(source: Source, appears: Appears): MetricName[] {
  return METRIC_NAMES.filter(name => {
    const { sources, on_cloudwatch } = definitionOf(name)
    return sources[source] === appears && on_cloudwatch !== 'only in the log'
  })
}

/** Returns whether CloudWatch has this metric once per model. */
const isPerModel = (name: MetricName): boolean => definitionOf(name).on_cloudwatch === 'per model'

const collectorNames = namesOf('collector', 'with requests')

/** The number of metrics of all functions together if requests end well. It does not depend on the number of models. */
export const sharedCount =
  namesOf('gateway', 'with requests').length + collectorNames.filter(name => !isPerModel(name)).length

/** Returns the number of metrics that a model adds once it has traffic. */
export const metricsOf = ({ batch }: Pipeline['models'][string]): number =>
  namesOf('worker', 'with requests').length +
  collectorNames.filter(isPerModel).length +
  (batch ? namesOf('worker', 'with batches').length : 0)

/**
 * Returns the most metrics that appear if something is refused, deferred, lost or failed, and with inputs. Each model
 * has a worker.
 */
export function troubleMetrics(models: number): number {
  return METRIC_NAMES.flatMap(name =>
    Object.entries(definitionOf(name).sources)
      .filter(([, appears]) => appears === 'in trouble' || appears === 'with inputs')
      .map(([source]) => (source === 'worker' || isPerModel(name) ? models : 1)),
  ).reduce((sum, count) => sum + count, 0)
}
