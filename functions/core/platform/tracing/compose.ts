import type { Logger } from '@aws-lambda-powertools/logger'
import type { Meter } from '../metrics/meter.ts'
import { type Tracing, untraced } from './port.ts'

/** The environment that tracing reads. */
export interface TracingEnv {
  readonly DEPLOYMENT: string
  readonly POWERTOOLS_SERVICE_NAME?: string
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined
  readonly OTEL_TRACES_SAMPLER_ARG?: string | undefined
  readonly OTLP_EXPORTS_FAIL?: string | undefined
}

/**
 * Makes the tracing that the environment configures. Without an endpoint, tracing is off, and none of its code is
 * loaded. With an endpoint, OpenTelemetry's SDK is loaded while the function starts.
 */
export function composeTracing(env: TracingEnv, logger: Pick<Logger, 'warn'>, metrics: Meter): Tracing {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: sample = '1' } = env
  if (!endpoint) return untraced
  let loaded = untraced
  const loading = load(endpoint).catch(error =>
    logger.warn('tracing is off, because it could not be loaded', { error }),
  )
  return {
    prepare: async () => loading,
    start: (name, options) => loaded.start(name, options),
    current: () => loaded.current(),
    flush: withinMs => loaded.flush(withinMs),
  }

  async function load(traces: string): Promise<void> {
    const [{ otelTracing }, { composeOtlp }] = await Promise.all([
      import('./otel-tracing.ts'),
      import('../otlp/compose.ts'),
    ])
    const settings = {
      service: env.POWERTOOLS_SERVICE_NAME ?? env.DEPLOYMENT,
      deployment: env.DEPLOYMENT,
      sample: Number(sample),
    }
    const otlp = composeOtlp({ traces }, logger, env.OTLP_EXPORTS_FAIL !== undefined)
    loaded = otelTracing(settings, otlp, spans => metrics.add('DroppedSpans', spans))
  }
}
