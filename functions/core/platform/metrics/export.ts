import { randomUUID } from 'node:crypto'
import type { Logger } from '@aws-lambda-powertools/logger'
import { systemClock } from '../clock.ts'
import { addSamples } from './families.ts'
import type { Sample } from './meter.ts'
import { otlpMetrics } from './otlp.ts'
import { createRegistry } from './registry.ts'

/** The way of a function's metrics to a receiver of OTLP. */
export interface MetricsExport {
  /** Adds values to those that the next export has. */
  take(samples: readonly Sample[]): void
  /** Exports all values since the function started, if there are new ones. Waits for at most so many milliseconds. Never rejects. */
  flush(withinMs: number): Promise<void>
}

export const NO_EXPORT: MetricsExport = { take: () => undefined, flush: async () => undefined }

/**
 * Exports sums since the environment of the function started, so a lost export loses nothing as long as another one follows. Each
 * environment has an instance id of its own, since two of them must not write the same series.
 */
export function metricsExport(url: string, deployment: string, logger: Pick<Logger, 'warn'>): MetricsExport {
  const registry = createRegistry(systemClock)
  const resource = { 'service.name': deployment, 'service.instance.id': randomUUID() }
  // Loaded while the function starts, since a client waits for the first invocation.
  const loading = import('../otlp/compose.ts').then(
    ({ composeOtlp }) => composeOtlp({ metrics: url }, logger),
    (error: unknown) =>
      void logger.warn('metrics are not exported, because the exporter could not be loaded', { error }),
  )
  let isNew = false
  return {
    take(samples) {
      addSamples(registry, samples)
      isNew ||= samples.length > 0
    },
    async flush(withinMs) {
      if (!isNew) return
      isNew = false
      const otlp = await loading
      if (!otlp) return
      otlp.postOtlp('metrics', {
        body: otlpMetrics(registry, resource, systemClock()),
        items: registry.series().length,
        // Sums since the start: the values of payloads that could not be sent are in them.
        supersedes: true,
      })
      await otlp.flush(withinMs)
    },
  }
}
