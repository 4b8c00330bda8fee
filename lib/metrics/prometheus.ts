import type { Distribution, Family, Labels, Registry, Series } from '../../functions/core/platform/metrics/registry.ts'

/** The content type of Prometheus's text format. */
export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Returns the Prometheus name of a metric, made from its OpenTelemetry name by Prometheus's rules: dots become underscores,
 * the name of a time ends with `_seconds`, and the name of a counter ends with `_total`.
 */
export function prometheusName({ name, kind, unit }: Pick<Family, 'name' | 'kind' | 'unit'>): string {
  return `${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}${kind === 'counter' ? '_total' : ''}`
}

/** Writes all series of a registry in Prometheus's text format. */
export function prometheusText(registry: Registry): string {
  const families = Map.groupBy(registry.series(), ({ family }) => family.name)
  return [...families.values()].flatMap(linesOf).join('\n').concat('\n')
}

function linesOf(series: readonly Series[]): string[] {
  const [first] = series
  if (!first) return []
  const name = prometheusName(first.family)
  return [
    `# HELP ${name} ${first.family.description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
    `# TYPE ${name} ${first.family.kind}`,
    ...series.flatMap(({ family, labels, value }) =>
      typeof value === 'number' ? [lineOf(name, labels, value)] : histogramLines(name, family, labels, value),
    ),
  ]
}

/**
 * Writes the lines of a histogram. In the registry, each value is in exactly one bucket. In Prometheus, a bucket counts all
 * values up to its bound, also those of smaller buckets. So the function adds up the counts.
 */
function histogramLines(
  name: string,
  { buckets = [] }: Family,
  labels: Labels,
  { counts, sum }: Distribution,
): string[] {
  let below = 0
  const bounds = [...buckets.map(String), '+Inf']
  const lines = bounds.map((bound, i) => {
    below += counts[i] ?? 0
    return lineOf(`${name}_bucket`, { ...labels, le: bound }, below)
  })
  return [...lines, lineOf(`${name}_sum`, labels, sum), lineOf(`${name}_count`, labels, below)]
}

function lineOf(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label.replaceAll('.', '_')}="${escaped(text)}"`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
