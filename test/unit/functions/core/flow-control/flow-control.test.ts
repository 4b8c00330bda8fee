import { describe, expect, it } from 'vitest'
import type { ModelStateStore } from '../../../../../functions/core/flow-control/port.ts'
import { MIN_LEAD_TIME_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { NOW } from '../../../../support/clock.ts'
import { failing } from '../../../../support/failing.ts'
import { aFleet, ask, CIRCUIT, fail, LIMIT, LIMITED, permits } from '../../../../support/flow-control.ts'
import { roundOf } from '../../../../support/limiter.ts'

const ROUND = roundOf(LIMIT)
const FIRST = NOW + MIN_LEAD_TIME_MS
const SECOND = FIRST + ROUND

describe('flow control: heldUntil, the time until which calls to a model are deferred', () => {
  it('is the end of the open circuit for a user whose calls have failed, and undefined for other users', async () => {
    const { process } = aFleet(CIRCUIT)
    const flowControl = process()
    for (let i = 0; i < 10; i++) await flowControl.report({ findings: { failures: 1 }, users: ['poison'] })

    expect(flowControl.heldUntil('poison')).toBeGreaterThan(NOW)
    expect(flowControl.heldUntil('other')).toBeUndefined()
  })

  it('is the end of the halt for every user (a halt follows an error that no retry fixes, such as used-up credit)', async () => {
    const { process } = aFleet(CIRCUIT)
    const flowControl = process()
    await flowControl.report({ findings: { halt: { code: 'model_rejected', reason: 'no credit' } }, users: ['u1'] })

    expect(flowControl.heldUntil('u2')).toBeGreaterThan(NOW)
  })
})

describe('flow control: reads and writes of the model’s item', () => {
  it('are one read per second and process while the circuit is closed, however many calls there are', async () => {
    const { process, advance, calls } = aFleet(CIRCUIT)
    const flowControl = process()

    for (let i = 0; i < 30; i++) {
      await permits(flowControl, 10)
      await flowControl.report({ findings: 'healthy' })
      advance(100)
    }

    expect(calls()).toEqual({ reads: 3, writes: 0 })
  })

  it('the model’s item is read again a second after the begin of the last read, however long the last read took', async () => {
    const { process, advance, calls, store } = aFleet(CIRCUIT)
    const read: ModelStateStore['read'] = async model => {
      const state = await store.read(model)
      advance(600)
      return state
    }
    const flowControl = process({ ...store, read })
    await flowControl.permit(ask)

    advance(399)
    await flowControl.permit(ask)
    expect(calls().reads).toBe(1)
    advance(1)
    await flowControl.permit(ask)

    expect(calls().reads).toBe(2)
  })

  it('the model’s item is read for each call while the circuit counts failures, since other workers may have written more failures', async () => {
    const { process, calls } = aFleet(CIRCUIT)
    const flowControl = process()
    await fail(flowControl)
    const before = calls().reads

    for (let i = 0; i < 3; i++) await flowControl.permit(ask)

    expect(calls().reads - before).toBe(3)
  })

  it.each([
    { what: 'are too old to count', wait: 60_000, policies: CIRCUIT },
    { what: 'do not count, since the model has no circuit', wait: 2_000, policies: {} },
  ])('the model’s item is read once per second again if the failures $what', async ({ wait, policies }) => {
    const { process, advance, calls, store } = aFleet(CIRCUIT)
    await fail(process())
    advance(wait)
    const flowControl = process(store, policies)
    const before = calls().reads

    for (let i = 0; i < 5; i++) await flowControl.permit(ask)

    expect(calls().reads - before).toBe(1)
  })

  it('all calls that ask for a slot of the rate limit at the same time cost one write of the model’s item, and no read of their own', async () => {
    const { process, calls } = aFleet(LIMITED)
    const flowControl = process()

    const granted = await permits(flowControl, 12)
    expect(calls()).toEqual({ reads: 1, writes: 1 })
    await permits(flowControl, 3)

    expect(calls()).toEqual({ reads: 1, writes: 2 })
    expect(granted.map(permit => permit.granted && permit.at)).toEqual([
      ...[FIRST, FIRST, FIRST, FIRST, FIRST],
      ...[SECOND, SECOND, SECOND, SECOND, SECOND],
      ...[SECOND + ROUND, SECOND + ROUND],
    ])
  })

  it('a call that already has a slot costs no read and no write, if the model’s item was read less than a second ago', async () => {
    const { process, calls, advance } = aFleet(LIMITED)
    const flowControl = process()
    await permits(flowControl, 6)
    advance(2_000)
    await flowControl.permit({ ...ask, slot: SECOND })
    const before = calls()

    expect(await flowControl.permit({ ...ask, slot: SECOND })).toEqual({ granted: true, at: SECOND })

    expect(calls()).toEqual(before)
    expect(before.writes).toBe(1)
  })

  it('the report of a success without users, or of a call that was not made, costs no read and no write of the model’s item', async () => {
    const { process, calls } = aFleet(CIRCUIT)

    await process().report({ findings: 'healthy' })
    await process().report({ findings: 'nothing' })

    expect(calls()).toEqual({ reads: 0, writes: 0 })
  })
})

describe('flow control: onChange', () => {
  it('is called once per change of the circuit or the pause, in the process that made the change', async () => {
    const { process, advance, changes } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]

    await fail(one, 3)
    await fail(other, 3)
    advance(30_000)
    const permit = await other.permit(ask)
    await other.report({ findings: { failures: 1 }, probe: permit.granted ? permit.probe : undefined })
    await one.report({ findings: 'nothing', pause_until: NOW + 60_000 })
    await one.report({ findings: 'nothing', pause_until: NOW + 60_000 })

    expect(changes).toEqual(['opened', 'opened again', 'paused'])
  })
})

describe('flow control: isLate, whether a call is too late for its permit (to make the call at a certain time)', () => {
  it('is true when the tolerance of the rate limit has passed after the slot', () => {
    const { process, advance } = aFleet(LIMITED)
    const flowControl = process()

    // The tolerance is 80 ms: 4% of the interval of 2 s.
    advance(80)
    expect(flowControl.isLate(NOW)).toBe(false)
    advance(1)
    expect(flowControl.isLate(NOW)).toBe(true)
  })

  it('without a rate limit, is true more than a second after the permit, since the circuit may have opened or a pause begun in the meantime', () => {
    const { process, advance } = aFleet(CIRCUIT)
    const flowControl = process()

    advance(1_000)
    expect(flowControl.isLate(NOW)).toBe(false)
    advance(1)
    expect(flowControl.isLate(NOW)).toBe(true)
  })
})

describe('flow control: a store of the models’ states that fails or is busy', () => {
  it.each(['read', 'write'] as const)(
    'makes each request for a permit fail with Unavailable (at a %s)',
    async method => {
      const { process, store } = aFleet(LIMITED)

      const asked = await Promise.allSettled([1, 2].map(() => process(failing(store, method, 'before')).permit(ask)))

      expect(asked.map(one => one.status === 'rejected' && one.reason)).toEqual([
        expect.any(Unavailable),
        expect.any(Unavailable),
      ])
    },
  )

  it('if the store has written a slot and only its answer was lost, the slot stays unused: the next call gets a later one, so the limit is kept', async () => {
    const { process, store } = aFleet({ rate_limit: { count: 1, interval_ms: 2_000 } })
    await expect(process(failing(store, 'write', 'after')).permit(ask)).rejects.toThrow(Unavailable)

    expect(await process().permit(ask)).toMatchObject({ granted: true, at: SECOND })
  })

  it('a store that has failed is asked again by the next call', async () => {
    const { process, store } = aFleet(LIMITED)
    let isDown = true
    const flowControl = process(failing(store, 'read', 'before', () => isDown))
    await expect(flowControl.permit(ask)).rejects.toThrow(Unavailable)

    isDown = false

    expect(await flowControl.permit(ask)).toMatchObject({ granted: true })
  })

  it('the report of a failed call rejects with Unavailable if the store can’t write it', async () => {
    const { process, store } = aFleet(CIRCUIT)

    await expect(fail(process(failing(store, 'write', 'before')))).rejects.toThrow(Unavailable)
  })

  it('if the store refuses the repetition of a write whose answer was lost, flow control recognizes its own write in the returned state', async () => {
    const { process, store, changes } = aFleet(CIRCUIT)
    const twice: ModelStateStore = {
      ...store,
      write: async (model, next) => {
        await store.write(model, next)
        // DynamoDB refuses the repetition, and returns the item of the first try, which has the version of this write.
        return (await store.read(model)) ?? next
      },
    }

    await fail(process(twice), 3)

    expect(changes).toEqual(['opened'])
  })

  it('if the store accepts only the writes of other processes, the calls of this process are deferred for 5 s, and its reports fail', async () => {
    const { process, store } = aFleet({ ...LIMITED, ...CIRCUIT })
    const busy: ModelStateStore = {
      ...store,
      write: async (model, { version }) =>
        store.write(model, { ...((await store.read(model)) ?? UNTOUCHED), version, writer: 'another' }),
    }

    expect(await permits(process(busy), 2)).toEqual(
      [1, 2].map(() => ({ granted: false, until: NOW + 5_000, because: 'rate limited' })),
    )
    expect(store.write.mock.calls.length).toBe(12)
    await expect(fail(process(busy))).rejects.toThrow('the state of the model is unavailable')
  })
})

describe('flow control: a state that was written under other settings of pipeline.yaml', () => {
  it('defers no calls if the settings have no circuit any more', async () => {
    const { process, store } = aFleet(CIRCUIT)
    await fail(process(), 3)

    expect(await process(store, {}).permit(ask)).toEqual({ granted: true, at: NOW })
  })

  it('opens the circuit at the next failure if the state has already more failures than the new settings need', async () => {
    const { process, store } = aFleet({ circuit: { failures: 10, within_ms: 60_000, open_ms: 30_000 } })
    await fail(process(), 8)

    await fail(process(store, CIRCUIT))

    expect(await process().permit(ask)).toMatchObject({ granted: false, because: 'open' })
  })

  it('grants the first call if the stored state has neither failures nor calls', async () => {
    const { process, store } = aFleet({ ...CIRCUIT, ...LIMITED })
    await store.write('text', { ...UNTOUCHED, version: 1 })

    expect(await process().permit(ask)).toEqual({ granted: true, at: FIRST })
  })
})
