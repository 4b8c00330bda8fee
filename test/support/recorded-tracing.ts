import { type Clock, systemClock } from '../../functions/core/platform/clock.ts'
import { otelTracing } from '../../functions/core/platform/tracing/otel-tracing.ts'
import { NOW } from './clock.ts'
import type { Export } from './otlp-receiver.ts'
import { spansAt } from './spans.ts'

/** Tracing by OpenTelemetry's SDK. `spans` exports the spans that have ended, and returns all exported spans. */
export function recordedTracing(clock: Clock = systemClock) {
  const exports: Export[] = []
  const otlp = {
    postOtlp: (_: string, { body }: { body: object }) =>
      void exports.push({ at: NOW, path: '/v1/traces', headers: {}, senderPort: 0, body }),
    flush: async () => undefined,
    takeDropped: () => 0,
  }
  const tracing = otelTracing({ service: 's', deployment: 'd', sample: 1 }, otlp, () => undefined, clock)
  const spans = async () => {
    await tracing.flush(0)
    return spansAt({ exports })
  }
  return { tracing, spans }
}
