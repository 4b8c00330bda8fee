import type { Clock } from '../../functions/core/platform/clock.ts'
import { otlpMetrics } from '../../functions/core/platform/metrics/otlp.ts'
import { composeOtlp } from '../../functions/core/platform/otlp/compose.ts'
import type { Otlp } from '../../functions/core/platform/otlp/port.ts'
import type { LocalSystem } from '../local/system.ts'
import type { LocalMetrics } from './local-metrics.ts'

/** The time between two exports. Milliseconds. */
const INTERVAL_MS = 10_000

/** The longest time that the stop of the system waits for the last export. Milliseconds. */
const LAST_EXPORT_MS = 1_000

/** Returns the URL to which metrics are posted. By OpenTelemetry's rules, it is `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/metrics` at the end. */
export const metricsUrl = (endpoint: string): string => `${endpoint.replace(/\/+$/, '')}/v1/metrics`

export interface PushedMetrics {
  readonly metrics: LocalMetrics
  readonly system: Pick<LocalSystem, 'queues'>
  readonly otlp: Otlp
  /** The name of the deployment. */
  readonly name: string
  readonly clock: Clock
}

/** Exports all metrics once. An export has the totals since the start. So if an export is lost, the next one has its values, too. */
export async function pushOnce({ metrics, system, otlp, name, clock }: PushedMetrics): Promise<void> {
  metrics.note(await system.queues())
  const items = metrics.registry.series().length
  if (items === 0) return
  const resource = { 'service.name': name, 'service.instance.id': String(process.pid) }
  otlp.postOtlp('metrics', { body: otlpMetrics(metrics.registry, resource, clock()), items, supersedes: true })
}

/**
 * Exports all metrics every 10 seconds by OTLP. `log` gets a line of JSON, as functions log it, when exports begin to fail, and one when they work again.
 * Returns the function that stops these exports, after a last export.
 */
export function pushMetrics(
  endpoint: string,
  pushed: Omit<PushedMetrics, 'otlp'>,
  log: (line: string) => void,
): () => Promise<void> {
  const otlp = composeOtlp(
    { metrics: metricsUrl(endpoint) },
    {
      warn: (message, ...fields) => log(JSON.stringify(Object.assign({ level: 'WARN', message }, ...fields))),
    },
  )
  const push = () => pushOnce({ ...pushed, otlp })
  const timer = setInterval(() => void push(), INTERVAL_MS)
  return async () => {
    clearInterval(timer)
    await push()
    await otlp.flush(LAST_EXPORT_MS)
  }
}
