import { describe, expect, it } from 'vitest'
import { applyReport } from '../../../../../functions/core/flow-control/apply-report.ts'
import { grant } from '../../../../../functions/core/flow-control/grant.ts'
import { MIN_LEAD_TIME_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { type ModelState, toStored, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'
import { bucketsOf } from '../../../../support/limiter.ts'

/** The bytes that one write unit of DynamoDB covers. */
const WRITE_UNIT = 1_024

/**
 * The size of a value in an item, in bytes, by the rules of the DynamoDB guide: one byte per two digits of a number, and at
 * least one more byte per value.
 */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1
  const fields = Object.entries(value as object).map(([name, field]) => [Array.isArray(value) ? '' : name, field])
  return 3 + fields.reduce((sum, [name, field]) => sum + 1 + sizeOf(name) + sizeOf(field), 0)
}

/** The size of a model’s state as an item, in bytes. */
const bytesOf = (state: ModelState): number =>
  sizeOf(JSON.parse(JSON.stringify({ model: 'm'.repeat(32), ...toStored(state) })))

const CIRCUIT = { failures: 10, within_ms: 60_000, open_ms: 30_000 }

/** The largest state: calls have come as fast as the limit allows for two intervals, so each bucket is in use. */
function saturated(count: number, intervalMs: number, circuit = CIRCUIT): ModelState {
  const policies = { rate_limit: { count, interval_ms: intervalMs }, circuit }
  let state = UNTOUCHED
  for (let call = 0; call < 2 * count; call++) {
    const now = NOW + Math.floor((call * intervalMs) / count)
    state = grant(state, [{ until: now + 90_000 }], { now, lead_time: MIN_LEAD_TIME_MS, id: 'nonce' }, policies).state
  }
  const failed = { findings: { failures: circuit.failures - 1 }, users: ['u42'], pause_until: NOW + 900_000 }
  const backlog = { slot: NOW + 900_000, taken: count, last_return: NOW + 900_000 }
  return applyReport(
    { ...state, backlog, version: 1_000_000, writer: 'a'.repeat(22) },
    failed,
    NOW + intervalMs,
    policies,
  )
}

describe('ModelState: its size as an item of DynamoDB, which bills writes by 1 KiB', () => {
  it.each([
    { count: 10, interval_ms: 1_000 },
    { count: 10, interval_ms: 60_000 },
    { count: 24, interval_ms: 1_000 },
    { count: 24, interval_ms: 60_000 },
    { count: 24, interval_ms: 3_600_000 },
    { count: 25, interval_ms: 1_000 },
    { count: 25, interval_ms: 60_000 },
    { count: 100, interval_ms: 60_000 },
    { count: 10_000, interval_ms: 60_000 },
    { count: 10_000, interval_ms: 3_600_000 },
  ])('takes one write unit with $count calls in $interval_ms ms', ({ count, interval_ms }) => {
    const state = saturated(count, interval_ms)

    expect(state.calls.length).toBeGreaterThanOrEqual(bucketsOf(count))
    expect(state.failures).toHaveLength(CIRCUIT.failures - 1)
    expect(bytesOf(state)).toBeLessThanOrEqual(WRITE_UNIT)
  })

  it('the state takes three write units with the highest number of failures that a circuit may have', () => {
    const state = saturated(10_000, 60_000, { ...CIRCUIT, failures: 100 })

    expect(state.failures).toHaveLength(99)
    expect(bytesOf(state)).toBeLessThanOrEqual(3 * WRITE_UNIT)
  })
})
