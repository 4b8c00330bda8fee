import { describe, expect, it, vi } from 'vitest'
import { createFlowControl, type OnChange } from '../../../../../functions/core/flow-control/flow-control.ts'
import type { CallFailure, FailureNotes } from '../../../../../functions/core/flow-control/port.ts'
import { NOW } from '../../../../support/clock.ts'
import { anOutage } from '../../../../support/faults.ts'
import { aFleet, CIRCUIT } from '../../../../support/flow-control.ts'
import { memoryFailureNotes } from '../../../../support/memory/failure-notes.ts'
import { countedIds } from '../../../../support/ports.ts'

const call = (id: string): CallFailure => ({
  code: 'model_error',
  status: 500,
  reason: 'it answered 500',
  request_id: id,
})

function aFlowControl(notes: Pick<FailureNotes, 'note'>) {
  const { store, clock, advance } = aFleet(CIRCUIT)
  const onChange = vi.fn<OnChange>()
  const system = { store, clock, ids: countedIds(), sleep: async () => undefined, random: () => 0.5 }
  return { ...createFlowControl({ ...system, notes, onChange }, 'text', CIRCUIT), onChange, advance }
}

describe('flow control: a failed call', () => {
  it('is stored as the last failed call for operators, whether or not it counts for the circuit', async () => {
    const notes = memoryFailureNotes()
    const { report } = aFlowControl(notes)

    await report({ findings: 'healthy', failure: call('refused') })

    expect(await notes.last('text')).toEqual({ ...call('refused'), at: NOW })
  })

  it('is stored at most once per second, so that an outage costs few writes', async () => {
    const note = vi.fn<FailureNotes['note']>(async () => undefined)
    const { report, advance } = aFlowControl({ note })

    for (let i = 0; i < 10; i++) await report({ findings: { failures: 1 }, failure: call(`f${i}`) })
    advance(1_000)
    await report({ findings: { failures: 1 }, failure: call('later') })

    expect(note.mock.calls.map(([, { request_id }]) => request_id)).toEqual(['f0', 'later'])
  })

  it('a failed call counts for the flow control even if it can’t be stored as the last failed call', async () => {
    const { report, heldUntil } = aFlowControl({ note: async () => Promise.reject(anOutage()) })

    await report({ findings: { halt: { code: 'model_rejected', reason: 'no credit' } }, failure: call('a') })

    expect(heldUntil('u1')).toBeGreaterThan(NOW)
  })

  it('a failed call is passed to `onChange` together with the change that it causes, such as the opening of the circuit', async () => {
    const { report, onChange } = aFlowControl(memoryFailureNotes())

    await report({ findings: { failures: 3 }, failure: call('third') })

    expect(onChange).toHaveBeenCalledExactlyOnceWith('opened', expect.anything(), call('third'))
  })
})
