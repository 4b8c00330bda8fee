import { describe, expect, it } from 'vitest'
import { otelTracing } from '../../../../../../functions/core/platform/tracing/otel-tracing.ts'
import { movableClock, NOW } from '../../../../../support/clock.ts'
import type { Export } from '../../../../../support/otlp-receiver.ts'
import { spansAt } from '../../../../../support/spans.ts'

/** Tracing whose clock the test moves. `times` returns the start and the end of each exported span, in milliseconds after NOW. */
function traced() {
  const bodies: unknown[] = []
  const { clock, advance } = movableClock()
  const otlp = {
    postOtlp: (_: string, { body }: { body: object }) => void bodies.push(body),
    flush: async () => undefined,
    takeDropped: () => 0,
  }
  const tracing = otelTracing({ service: 's', deployment: 'd', sample: 1 }, otlp, () => undefined, clock)
  const since = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1_000_000n) - NOW
  const times = async () => {
    await tracing.flush(0)
    const exports = bodies.map((body): Export => ({ at: NOW, path: '/v1/traces', headers: {}, senderPort: 0, body }))
    return spansAt({ exports }).map(span => [span.name, since(span.startTimeUnixNano), since(span.endTimeUnixNano)])
  }
  return { tracing, advance, times }
}

describe('a span of a trace', () => {
  it('takes its start and its end from the same clock as its inner spans, so it does not end before an inner span', async () => {
    const { tracing, advance, times } = traced()

    const outer = tracing.start('outer')
    advance(1)
    const inner = outer.run(() => tracing.start('inner'))
    advance(2)
    inner.end()
    outer.end()

    expect(await times()).toEqual([
      ['inner', 1, 3],
      ['outer', 0, 3],
    ])
  })

  it('a span that gets an earlier start than now still ends at the time of the clock', async () => {
    const { tracing, advance, times } = traced()

    advance(5)
    tracing.start('queue wait', { startedAt: NOW + 2 }).end()

    expect(await times()).toEqual([['queue wait', 2, 5]])
  })
})
