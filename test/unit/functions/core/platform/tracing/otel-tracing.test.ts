import { describe, expect, it } from 'vitest'
import { movableClock, NOW } from '../../../../../support/clock.ts'
import { recordedTracing } from '../../../../../support/recorded-tracing.ts'

/** Tracing whose clock the test moves. `times` returns the start and the end of each exported span, in milliseconds after NOW. */
function traced() {
  const { clock, advance } = movableClock()
  const { tracing, spans } = recordedTracing(clock)
  const since = (nanoseconds: string) => Number(BigInt(nanoseconds) / 1_000_000n) - NOW
  const times = async () =>
    (await spans()).map(span => [span.name, since(span.startTimeUnixNano), since(span.endTimeUnixNano)])
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
