import { describe, expect, it, vi } from 'vitest'
import type { ModelFailure } from '../../../../functions/core/inference/port.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aProtectedWorker, down } from '../../../support/protected-worker.ts'
import { SUCCESS } from '../../../support/worker.ts'

describe('a worker: a model that asks for a pause', () => {
  const busy: ModelFailure = { ...down, status: 429, retry_after_ms: 3_000 }

  it('is not called by any worker until the end of the pause, and no failure is counted', async () => {
    const { ports, create, run, model, asked, deferred, state, aFlowControl } = aProtectedWorker()
    model.answer = busy
    await run(await create())

    await run(await create(), { ...ports, flowControl: aFlowControl() })
    ports.advance(2_999)
    await run(await create(), { ...ports, flowControl: aFlowControl() })
    expect(asked).toHaveLength(1)
    expect(deferred().map(({ delay_seconds }) => delay_seconds)).toEqual([3, 4, 1])
    expect(await state()).toMatchObject({ paused_until: NOW + 3_000, failures: [] })

    ports.advance(1)
    await run(await create(), { ...ports, flowControl: aFlowControl() })
    expect(asked).toHaveLength(2)
  })

  it('a model is not called during the pause that it asked for, also if pipeline.yaml has no circuit for it', async () => {
    const { create, run, model, asked } = aProtectedWorker({ circuit: undefined })
    model.answer = busy

    await run(await create())
    await run(await create())

    expect(asked).toHaveLength(1)
  })

  it('if the answer to a probe (test call) asks for a pause, the probe neither closes the circuit nor counts as failed, and is repeated after the pause', async () => {
    const { ports, create, run, open, model, asked, state } = aProtectedWorker()
    await open()
    const opened = (await state())?.open
    ports.advance(10_000)
    model.answer = busy

    await run(await create())

    expect(await state()).toMatchObject({ open: opened, paused_until: NOW + 13_000 })
    expect(await state()).not.toHaveProperty('probe')
    await run(await create())
    expect(asked).toHaveLength(1)
    ports.advance(3_000)
    model.answer = SUCCESS
    await run(await create())
    expect(asked).toHaveLength(2)
    expect(await state()).not.toHaveProperty('open')
  })

  it('a model that answers 503 counts as failing for the circuit, even with a Retry-After', async () => {
    const { create, run, model, state } = aProtectedWorker()
    model.answer = { ...busy, status: 503 }

    await run(await create())

    expect(await state()).toMatchObject({ paused_until: NOW + 3_000, failures: [NOW] })
  })

  it('a model that answers 429 without a Retry-After counts as failing for the circuit', async () => {
    const { create, run, model, state } = aProtectedWorker()
    model.answer = { ...busy, retry_after_ms: undefined }

    await run(await create())

    expect((await state())?.failures).toEqual([NOW])
  })
})

describe('a worker: the result of a call that can’t be reported to the flow control', () => {
  it.each([
    { what: 'a success of a probe', answer: SUCCESS, expected: { status: 'completed' } },
    { what: 'a failure', answer: { ...down, code: 'model_rejected', status: 400 }, expected: { status: 'failed' } },
  ] as const)('does not affect the request, and the failed report is logged: $what', async ({ answer, expected }) => {
    const { ports, create, open, run, model, outcomes } = aProtectedWorker()
    await open()
    ports.advance(10_000)
    model.answer = answer
    const error = vi.fn<WorkerPorts['logger']['error']>()

    expect(
      await run(await create(), {
        ...ports,
        logger: { ...ports.logger, error },
        flowControl: failing(ports.flowControl, 'report', 'before'),
      }),
    ).toEqual([])

    expect(outcomes()).toMatchObject([expected])
    expect(error.mock.calls).toMatchObject([['the result of a call could not be reported to the flow control', {}]])
  })
})
