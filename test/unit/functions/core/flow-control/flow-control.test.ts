import { describe, expect, it } from 'vitest'
import type { GuardStore } from '../../../../../functions/core/flow-control/port.ts'
import { LEAD_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { NOW } from '../../../../support/clock.ts'
import { failing } from '../../../../support/failing.ts'
import { aFleet, ask, CIRCUIT, fail, LIMITED, permits } from '../../../../support/guards.ts'

/** Full rounds of calls follow each other so: by the interval of 2 s, a tenth of it as slack, and the width of a bucket. */
const APART = 2_000 + 200 + 1
const FIRST = NOW + LEAD_MS
const SECOND = FIRST + APART

describe('a guard: what it costs', () => {
  it('is a read a second and process while the circuit is closed, however many calls there are', async () => {
    const { process, advance, calls } = aFleet(CIRCUIT)
    const guard = process()

    for (let i = 0; i < 30; i++) {
      await permits(guard, 10)
      await guard.report({ findings: 'well' })
      advance(100)
    }

    expect(calls()).toEqual({ reads: 3, writes: 0 })
  })

  it('is a read again a second after the last one was asked for, however long that took', async () => {
    const { process, advance, calls, store } = aFleet(CIRCUIT)
    const read: GuardStore['read'] = async model => {
      const state = await store.read(model)
      advance(600)
      return state
    }
    const guard = process({ ...store, read })
    await guard.permit(ask)

    advance(399)
    await guard.permit(ask)
    expect(calls().reads).toBe(1)
    advance(1)
    await guard.permit(ask)

    expect(calls().reads).toBe(2)
  })

  it('is a read for each call while failures count, since other workers may have seen more of them', async () => {
    const { process, calls } = aFleet(CIRCUIT)
    const guard = process()
    await fail(guard)
    const before = calls().reads

    for (let i = 0; i < 3; i++) await guard.permit(ask)

    expect(calls().reads - before).toBe(3)
  })

  it.each([
    { what: 'are too long ago to count', wait: 60_000, policies: CIRCUIT },
    { what: 'count for nothing, without a circuit', wait: 2_000, policies: {} },
  ])('is a read a second again when failures $what', async ({ wait, policies }) => {
    const { process, advance, calls, store } = aFleet(CIRCUIT)
    await fail(process())
    advance(wait)
    const guard = process(store, policies)
    const before = calls().reads

    for (let i = 0; i < 5; i++) await guard.permit(ask)

    expect(calls().reads - before).toBe(1)
  })

  it('is one write for all that ask for a turn at once, and no read after the first', async () => {
    const { process, calls } = aFleet(LIMITED)
    const guard = process()

    const granted = await permits(guard, 12)
    expect(calls()).toEqual({ reads: 1, writes: 1 })
    await permits(guard, 3)

    expect(calls()).toEqual({ reads: 1, writes: 2 })
    expect(granted.map(permit => permit.granted && permit.at)).toEqual([
      ...[FIRST, FIRST, FIRST, FIRST, FIRST],
      ...[SECOND, SECOND, SECOND, SECOND, SECOND],
      ...[SECOND + APART, SECOND + APART],
    ])
  })

  it('is nothing for a turn that was booked before, within a second of a read', async () => {
    const { process, calls, advance } = aFleet(LIMITED)
    const guard = process()
    await permits(guard, 6)
    advance(2_000)
    await guard.permit({ ...ask, turn: SECOND })
    const before = calls()

    expect(await guard.permit({ ...ask, turn: SECOND })).toEqual({ granted: true, at: SECOND })

    expect(calls()).toEqual(before)
    expect(before.writes).toBe(1)
  })

  it('is nothing for a report of a call that succeeded', async () => {
    const { process, calls } = aFleet(CIRCUIT)

    await process().report({ findings: 'well' })
    await process().report({ findings: 'nothing' })

    expect(calls()).toEqual({ reads: 0, writes: 0 })
  })
})

describe('a guard: what it tells of', () => {
  it('is each change once, by the process that has made it', async () => {
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

describe('a guard: calls that are late', () => {
  it('are those past the tolerance of the rate limit', () => {
    const { process, advance } = aFleet(LIMITED)
    const guard = process()

    // Two fifths of the slack, which is 200 ms.
    advance(80)
    expect(guard.isLate(NOW)).toBe(false)
    advance(1)
    expect(guard.isLate(NOW)).toBe(true)
  })

  it('are, without a rate limit, those that a circuit or a pause of a second ago would not hold up', () => {
    const { process, advance } = aFleet(CIRCUIT)
    const guard = process()

    advance(1_000)
    expect(guard.isLate(NOW)).toBe(false)
    advance(1)
    expect(guard.isLate(NOW)).toBe(true)
  })
})

describe('a guard: a store that fails', () => {
  it.each(['read', 'write'] as const)('lets nobody through: %s', async method => {
    const { process, store } = aFleet(LIMITED)

    const asked = await Promise.allSettled([1, 2].map(() => process(failing(store, method, 'before')).permit(ask)))

    expect(asked.map(one => one.status === 'rejected' && one.reason)).toEqual([
      expect.any(Unavailable),
      expect.any(Unavailable),
    ])
  })

  it('has spent a turn when the answer of its write was lost, but not more than the limit', async () => {
    const { process, store } = aFleet({ rate_limit: { count: 1, interval_ms: 2_000 } })
    await expect(process(failing(store, 'write', 'after')).permit(ask)).rejects.toThrow(Unavailable)

    expect(await process().permit(ask)).toMatchObject({ granted: true, at: SECOND })
  })

  it('is asked again by the next call', async () => {
    const { process, store } = aFleet(LIMITED)
    let isDown = true
    const guard = process(failing(store, 'read', 'before', () => isDown))
    await expect(guard.permit(ask)).rejects.toThrow(Unavailable)

    isDown = false

    expect(await guard.permit(ask)).toMatchObject({ granted: true })
  })

  it('makes a report reject', async () => {
    const { process, store } = aFleet(CIRCUIT)

    await expect(fail(process(failing(store, 'write', 'before')))).rejects.toThrow(Unavailable)
  })

  it('takes its own write for its own when its answer was lost and the client has tried again', async () => {
    const { process, store, changes } = aFleet(CIRCUIT)
    const twice: GuardStore = {
      ...store,
      write: async (model, next) => {
        await store.write(model, next)
        // The stored version is the one that this try wanted to write.
        return (await store.read(model)) ?? next
      },
    }

    await fail(process(twice), 3)

    expect(changes).toEqual(['opened'])
  })

  it('lets those who never get to write ask again later, and can’t be told of their calls', async () => {
    const { process, store } = aFleet({ ...LIMITED, ...CIRCUIT })
    const busy: GuardStore = {
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

describe('a guard: a state that other settings have left', () => {
  it('is no hindrance without a circuit', async () => {
    const { process, store } = aFleet(CIRCUIT)
    await fail(process(), 3)

    expect(await process(store, {}).permit(ask)).toEqual({ granted: true, at: NOW })
  })

  it('opens at once with a circuit that takes fewer failures than there were', async () => {
    const { process, store } = aFleet({ circuit: { failures: 10, within_ms: 60_000, open_ms: 30_000 } })
    await fail(process(), 8)

    await fail(process(store, CIRCUIT))

    expect(await process().permit(ask)).toMatchObject({ granted: false, because: 'open' })
  })

  it('may be none at all', async () => {
    const { process, store } = aFleet({ ...CIRCUIT, ...LIMITED })
    await store.write('text', { ...UNTOUCHED, version: 1 })

    expect(await process().permit(ask)).toEqual({ granted: true, at: FIRST })
  })
})
