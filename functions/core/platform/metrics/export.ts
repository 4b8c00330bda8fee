import { randomUUID } from 'node:crypto'
import type { Logger } from '@aws-lambda-powertools/logger'
import { systemClock } from '../clock.ts'
import { addSamples } from './families.ts'
import type { Sample } from './meter.ts'
import { otlpMetrics } from './otlp.ts'
import { createRegistry } from './registry.ts'

/** Exports a function's metrics to a receiver of OTLP. */
export interface MetricsExport {
  /** Adds values to the next export. */
  take(samples: readonly Sample[]): void
  /**
   * Exports all values since the function started, if there are new ones. Waits for at most `withinMs` milliseconds.
   * Never rejects.
   */
  flush(withinMs: number): Promise<void>
}

export const NO_EXPORT: MetricsExport = { take: () => undefined, flush: async () => undefined }

/**
 * Exports sums since the environment of the function started, so a lost export loses nothing if another export follows.
 * Each environment has its own instance id, because two environments must not write the same series: otherwise their
 * sums would overwrite each other.
 */
export function metricsExport(url: string, deployment: string, logger: Pick<Logger, 'warn'>): MetricsExport {
  const registry = createRegistry(systemClock)
  const resource = { 'service.name': deployment, 'service.instance.id': randomUUID() }
  // The exporter is loaded while the function starts and not in its first invocation, because a client may wait for
  // that invocation.
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
        // These are sums since the start, so they include the values of earlier payloads that could not be sent. Those
        // payloads need not be sent any more.
        supersedes: true,
      })
      await otlp.flush(withinMs)
    },
  }
}
