import { definitionOf, type MetricName } from './definitions.ts'
import type { Sample } from './meter.ts'
import type { Family, Labels, Registry } from './registry.ts'

/**
 * Returns the form of a metric in OTLP and Prometheus. The name of `CompletedRequests` is `sluice.completed_requests`.
 */
export function familyOf(name: MetricName): Family {
  const { kind, unit, thing = '1', description, buckets, convention } = definitionOf(name)
  return {
    name: convention?.name ?? `sluice.${snakeCase(name)}`,
    kind,
    description,
    unit: unit === 'Seconds' ? 's' : `{${thing}}`,
    buckets,
  }
}

const snakeCase = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, letter => `_${letter}`).toLowerCase()

export const labelsOf = ({ name, service, model, queue }: Sample): Labels => ({
  service,
  ...(model !== undefined && { model }),
  ...(queue !== undefined && { queue }),
  ...definitionOf(name).convention?.attributes,
})

/** Adds values to a registry. */
export function addSamples(registry: Registry, samples: readonly Sample[]): void {
  for (const sample of samples) registry.add(familyOf(sample.name), labelsOf(sample), sample.values)
}
