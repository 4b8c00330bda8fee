import type { Distribution, Labels, Registry, Series } from './registry.ts'

/**
 * OTLP's number for cumulative sums: each export has the sums since the registry was made. Prometheus accepts only sums
 * of this kind. And after a lost export, the next export contains all values, so nothing is lost.
 */
const CUMULATIVE = 2

/** Writes a registry as the body of OTLP over HTTP with JSON. `resource` names the service of the values. */
export function otlpMetrics(registry: Registry, resource: Labels, now: number): object {
  const families = Map.groupBy(registry.series(), ({ family }) => family.name)
  const metrics = [...families.values()].map(series => metricOf(series, registry.since, now))
  return {
    resourceMetrics: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeMetrics: [{ scope: { name: 'sluice' }, metrics }],
      },
    ],
  }
}

function metricOf(series: readonly Series[], since: number, now: number): object {
  const family = series[0]?.family
  const times = { startTimeUnixNano: nanoseconds(since), timeUnixNano: nanoseconds(now) }
  const dataPoints = series.map(({ labels, value }) => ({
    attributes: attributesOf(labels),
    ...times,
    ...(typeof value === 'number' ? { asDouble: value } : distributionOf(value, family?.buckets ?? [])),
  }))
  const data = {
    counter: { sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } },
    gauge: { gauge: { dataPoints } },
    histogram: { histogram: { aggregationTemporality: CUMULATIVE, dataPoints } },
  }[family?.kind ?? 'gauge']
  return { name: family?.name, description: family?.description, unit: family?.unit, ...data }
}

/** Writes a distribution in OTLP's JSON, which has 64-bit integers as texts. */
const distributionOf = ({ counts, sum }: Distribution, explicitBounds: readonly number[]): object => ({
  count: String(counts.reduce((all, one) => all + one, 0)),
  sum,
  bucketCounts: counts.map(String),
  explicitBounds,
})

const attributesOf = (labels: Labels): object[] =>
  Object.entries(labels).map(([key, value]) => ({ key, value: { stringValue: value } }))

const nanoseconds = (milliseconds: number): string => `${BigInt(Math.round(milliseconds)) * 1_000_000n}`
