import { describe, expect, it, vi } from 'vitest'
import type { Change } from '../../../../functions/core/flow-control/flow-control.ts'
import { type ModelState, UNTOUCHED } from '../../../../functions/core/flow-control/state.ts'
import { reportCircuitChanges } from '../../../../functions/worker/report-circuit-changes.ts'
import { NOW } from '../../../support/clock.ts'

const UNTIL = '2026-11-23T10:15:30.000Z'

function told(change: Change, state: Partial<ModelState>) {
  const logger = { warn: vi.fn(), info: vi.fn() }
  const metrics = { addMetric: vi.fn() }
  const settings = { model: 'text', circuit: { failures: 5, within_ms: 60_000, open_ms: 30_000 } }
  reportCircuitChanges({ logger, metrics, settings })(change, { ...UNTOUCHED, ...state })
  return { warned: logger.warn.mock.calls, informed: logger.info.mock.calls, counted: metrics.addMetric.mock.calls }
}

describe('a change of a model is logged and counted', () => {
  it('when its circuit opens: why, and until when', () => {
    expect(told('opened', { open: { until: NOW + 30_000, times: 1 } })).toEqual({
      warned: [
        [
          `the circuit of text has opened: 5 calls failed within 60 s; no calls until ${UNTIL}`,
          { model: 'text', until: UNTIL, failures: 5, opened_times: 1 },
        ],
      ],
      informed: [],
      counted: [['CircuitOpened', 'Count', 1]],
    })
  })

  it('when its circuit opens again: how often in a row', () => {
    expect(told('opened again', { open: { until: NOW + 30_000, times: 3 } })).toMatchObject({
      warned: [
        [
          `the circuit of text stays open: the call that tried it failed, too; no calls until ${UNTIL}`,
          { model: 'text', until: UNTIL, opened_times: 3 },
        ],
      ],
      counted: [['CircuitOpened', 'Count', 1]],
    })
  })

  it('when its circuit closes', () => {
    expect(told('closed', {})).toMatchObject({
      warned: [['the circuit of text has closed: the model is back', { model: 'text' }]],
      counted: [['CircuitClosed', 'Count', 1]],
    })
  })

  it('when it asks for a pause, without a warning', () => {
    expect(told('paused', { paused_until: NOW + 30_000 })).toMatchObject({
      warned: [],
      informed: [[`the model text has asked for a pause: no calls until ${UNTIL}`, { model: 'text', until: UNTIL }]],
      counted: [['ModelPaused', 'Count', 1]],
    })
  })
})
