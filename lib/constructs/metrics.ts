import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { MetricDefinition } from '../../functions/core/platform/metrics/definition.ts'
import { definitionOf, type MetricName } from '../../functions/core/platform/metrics/definitions.ts'

/**
 * The usual statistic of each kind of metric. For a gauge, it is the smallest value, because the gauge `TimeLeft` measures
 * the time until a deadline, and the request with the least time is in danger. The other gauge, `WaitingMessages`, gets a
 * statistic of its own where it is used.
 */
const STATISTICS: Readonly<Record<MetricDefinition['kind'], string>> = {
  counter: Stats.SUM,
  gauge: Stats.MINIMUM,
  histogram: Stats.p(50),
}

export interface MetricOrigin {
  readonly namespace: string
  readonly service: string
  /** The model, for a metric that CloudWatch keeps per model. */
  readonly model?: string | undefined
  /** The queue, for a metric that CloudWatch keeps per queue. */
  readonly queue?: string | undefined
}

/** Returns a metric of Sluice in CloudWatch. Throws if CloudWatch does not keep the metric with these dimensions. */
export function metricOf(name: MetricName, { namespace, service, model, queue }: MetricOrigin): Metric {
  const { kind, on_cloudwatch } = definitionOf(name)
  if (on_cloudwatch === 'only in the log') throw new Error(`${name} is no metric of CloudWatch`)
  if ((model !== undefined) !== (on_cloudwatch === 'per model'))
    throw new Error(`CloudWatch keeps ${name} per ${model === undefined ? 'model' : 'service'} only`)
  if ((queue !== undefined) !== (on_cloudwatch === 'per service and queue'))
    throw new Error(`CloudWatch keeps ${name} per ${queue === undefined ? 'queue' : 'service'} only`)
  return new Metric({
    namespace,
    metricName: name,
    dimensionsMap: { service, ...(model !== undefined && { model }), ...(queue !== undefined && { queue }) },
    statistic: STATISTICS[kind],
  })
}

/**
 * Returns a metric that CloudWatch keeps per model, added up over all models. CloudWatch computes the sum only when
 * somebody looks at it. So the sum costs nothing, unlike one more stored metric.
 */
export function sumOverModels(name: MetricName, { namespace, service }: MetricOrigin): MathExpression {
  if (definitionOf(name).on_cloudwatch !== 'per model') throw new Error(`CloudWatch does not keep ${name} per model`)
  const search = `{"${namespace}",service,model} MetricName="${name}" service="${service}"`
  return new MathExpression({ expression: `SUM(SEARCH('${search}', 'Sum'))`, label: name })
}
