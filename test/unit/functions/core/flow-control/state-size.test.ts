import { describe, expect, it } from 'vitest'
import { afterReport } from '../../../../../functions/core/flow-control/after-report.ts'
import { grant } from '../../../../../functions/core/flow-control/grant.ts'
import { LEAD_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { type GuardState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'

/** What one write unit of DynamoDB pays for. */
const WRITE_UNIT = 1_024

/** What a value takes in an item, in bytes, as the DynamoDB guide says it: two digits a byte, a byte or more around everything. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1
  const fields = Object.entries(value as object).map(([name, field]) => [Array.isArray(value) ? '' : name, field])
  return 3 + fields.reduce((sum, [name, field]) => sum + 1 + sizeOf(name) + sizeOf(field), 0)
}

/** What a state takes as the item of a model. */
const bytesOf = (state: GuardState): number => sizeOf(JSON.parse(JSON.stringify({ model: 'm'.repeat(32), ...state })))

/** What the last interval is divided into; up to a count of 24, each call is kept (rate-limit.ts). */
const bucketsOf = (count: number): number => (count <= 24 ? count : 20)

const CIRCUIT = { failures: 10, within_ms: 60_000, open_ms: 30_000 }

/** The state after two intervals of calls that come as fast as the limit lets them through, evenly: so each bucket is in use. */
function saturated(count: number, interval_ms: number, circuit = CIRCUIT): GuardState {
  const policies = { rate_limit: { count, interval_ms }, circuit }
  let state = UNTOUCHED
  for (let call = 0; call < 2 * count; call++) {
    const now = NOW + Math.floor((call * interval_ms) / count)
    state = grant(state, [{ until: now + 90_000 }], { now, lead: LEAD_MS, id: 'nonce' }, policies).state
  }
  const failed = { findings: { failures: circuit.failures - 1 }, pause_until: NOW + 900_000 }
  const line = { turn: NOW + 900_000, taken: count, heard: NOW + 900_000 }
  return afterReport(
    { ...state, line, version: 1_000_000, writer: 'a'.repeat(22) },
    failed,
    NOW + interval_ms,
    policies,
  )
}

describe('the state of a model', () => {
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
  ])('costs one write unit with $count calls in $interval_ms ms', ({ count, interval_ms }) => {
    const state = saturated(count, interval_ms)

    expect(state.calls.length).toBeGreaterThanOrEqual(bucketsOf(count))
    expect(state.failures).toHaveLength(CIRCUIT.failures - 1)
    expect(bytesOf(state)).toBeLessThanOrEqual(WRITE_UNIT)
  })

  it('costs two with the most failures that a circuit may take', () => {
    const state = saturated(10_000, 60_000, { ...CIRCUIT, failures: 100 })

    expect(state.failures).toHaveLength(99)
    expect(bytesOf(state)).toBeLessThanOrEqual(2 * WRITE_UNIT)
  })
})
