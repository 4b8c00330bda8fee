import { describe, expect, it, vi } from 'vitest'
import type { Change } from '../../../../functions/core/flow-control/flow-control.ts'
import type { CallFailure } from '../../../../functions/core/flow-control/port.ts'
import { type ModelState, UNTOUCHED } from '../../../../functions/core/flow-control/state.ts'
import { reportCircuitChanges } from '../../../../functions/worker/report-circuit-changes.ts'
import { NOW } from '../../../support/clock.ts'

const UNTIL = '2026-11-23T10:15:30.000Z'

const FAILURE = { code: 'model_error', status: 500, reason: 'the model answered 500: full', request_id: 'r-1' }

function told(change: Change, state: Partial<ModelState>, failure?: CallFailure) {
  const logger = { warn: vi.fn(), info: vi.fn() }
  const metrics = { add: vi.fn() }
  const settings = { model: 'text', circuit: { failures: 5, within_ms: 60_000, open_ms: 30_000 } }
  reportCircuitChanges({ logger, metrics, settings })(change, { ...UNTOUCHED, ...state }, failure)
  return { warned: logger.warn.mock.calls, informed: logger.info.mock.calls, counted: metrics.add.mock.calls }
}

describe('reportCircuitChanges: changes of a model’s state', () => {
  it('logs and counts when the circuit opens, with the reason and the end', () => {
    expect(told('opened', { open: { until: NOW + 30_000, times: 1 } })).toEqual({
      warned: [
        [
          `the circuit of text has opened: 5 calls failed within 60 s; no calls until ${UNTIL}`,
          { model: 'text', until: UNTIL, failures: 5, opened_times: 1, trouble: 'lasts', trouble_of: 'circuit' },
        ],
      ],
      informed: [],
      counted: [['CircuitOpened', 1]],
    })
  })

  it('logs when the circuit opens for the users whose calls have failed, and when it then opens for all users', () => {
    const open = { until: NOW + 30_000, times: 1 }
    expect(told('opened', { open, open_for: [7, 8] }).warned[0]?.[0]).toBe(
      `the circuit of text has opened: 5 calls failed within 60 s; no calls of the 2 users whose calls have failed until ${UNTIL}`,
    )
    expect(told('opened for all', { open })).toMatchObject({
      warned: [
        [
          `the circuit of text has opened for all users: calls of other users fail, too; no calls until ${UNTIL}`,
          { model: 'text', until: UNTIL, opened_times: 1, trouble: 'lasts', trouble_of: 'circuit' },
        ],
      ],
      counted: [['CircuitOpened', 1]],
    })
  })

  it.each([
    { change: 'halted', what: 'is halted: no retry heals this' },
    { change: 'halted again', what: 'stays halted: the call that tried it failed, too' },
  ] as const)(
    'logs and counts when the model is $change, with the reason and the time of the next call',
    ({ change, what }) => {
      const halted = {
        since: NOW,
        until: NOW + 30_000,
        times: 1,
        code: 'model_rejected',
        status: 401,
        reason: 'no key',
      }

      expect(told(change, { halted })).toEqual({
        warned: [
          [
            `the model text ${what}; its requests wait until a call succeeds or \`sluice models reset text\`; the next call is tried at ${UNTIL}`,
            {
              model: 'text',
              until: UNTIL,
              reason: 'no key',
              code: 'model_rejected',
              status: 401,
              trouble: 'lasts',
              trouble_of: 'halt',
            },
          ],
        ],
        informed: [],
        counted: [['ModelHalted', 1]],
      })
    },
  )

  it('logs and counts when the halt of the model ends, i.e. the model is called again', () => {
    expect(told('resumed', {})).toMatchObject({
      warned: [
        [
          'the model text is no longer halted: it is called again',
          { model: 'text', trouble: 'ends', trouble_of: 'halt' },
        ],
      ],
      counted: [['ModelResumed', 1]],
    })
  })

  it('logs and counts when the circuit opens again, with the number of times in a row', () => {
    expect(told('opened again', { open: { until: NOW + 30_000, times: 3 } })).toMatchObject({
      warned: [
        [
          `the circuit of text stays open: the call that tried it failed, too; no calls until ${UNTIL}`,
          { model: 'text', until: UNTIL, opened_times: 3, trouble: 'lasts', trouble_of: 'circuit' },
        ],
      ],
      counted: [['CircuitOpened', 1]],
    })
  })

  it.each([
    { change: 'opened', level: 'warned' },
    { change: 'opened for all', level: 'warned' },
    { change: 'opened again', level: 'warned' },
    { change: 'paused', level: 'informed' },
  ] as const)('logs the change "$change" with the failed call that has caused it', ({ change, level }) => {
    expect(told(change, { open: { until: NOW, times: 1 }, paused_until: NOW }, FAILURE)[level][0]?.[1]).toMatchObject(
      FAILURE,
    )
  })

  it('logs and counts when the circuit closes', () => {
    expect(told('closed', {})).toMatchObject({
      warned: [
        [
          'the circuit of text has closed: the model is back',
          { model: 'text', trouble: 'ends', trouble_of: 'circuit' },
        ],
      ],
      counted: [['CircuitClosed', 1]],
    })
  })

  it('logs and counts when the model asks for a pause, without a warning', () => {
    expect(told('paused', { paused_until: NOW + 30_000 })).toMatchObject({
      warned: [],
      informed: [[`the model text has asked for a pause: no calls until ${UNTIL}`, { model: 'text', until: UNTIL }]],
      counted: [['ModelPaused', 1]],
    })
  })
})
