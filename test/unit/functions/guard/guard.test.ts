import { describe, expect, it, vi } from 'vitest'
import { createGuard } from '../../../../functions/guard/guard.ts'
import type { Policies } from '../../../../functions/guard/policies.ts'
import type { Guard, GuardStore } from '../../../../functions/guard/port.ts'
import { UNTOUCHED } from '../../../../functions/guard/state.ts'
import { Unavailable } from '../../../../functions/platform/unavailable.ts'
import { movableClock, NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { memoryGuards } from '../../../support/memory/guards.ts'

const CIRCUIT: Policies = { circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 } }
const LIMITED: Policies = { rate_limit: { count: 5, interval_ms: 2_000 } }
const ask = { until: NOW + 3_600_000 }

/** Processes that share a store, and what they ask of it. */
function aFleet(policies: Policies) {
  const { clock, advance } = movableClock()
  const memory = memoryGuards()
  const store = { read: vi.fn(memory.read), write: vi.fn(memory.write) }
  let nonces = 0
  const ids = { nonce: () => `nonce-${nonces++}` }
  const changes: string[] = []
  const process = (using: GuardStore = store, of = policies): Guard =>
    createGuard({ store: using, clock, ids, onChange: change => changes.push(change) }, 'text', of)
  const calls = () => ({ reads: store.read.mock.calls.length, writes: store.write.mock.calls.length })
  return { clock, advance, store, process, changes, calls }
}

const permits = (guard: Guard, count: number) => Promise.all(Array.from({ length: count }, () => guard.permit(ask)))
const fail = (guard: Guard, failures = 1) => guard.report({ succeeded: false, failures })

describe('a guard: what it costs', () => {
  it('is a read a second and process while the circuit is closed, however many calls there are', async () => {
    const { process, advance, calls } = aFleet(CIRCUIT)
    const guard = process()

    for (let i = 0; i < 30; i++) {
      await permits(guard, 10)
      await guard.report({ succeeded: true })
      advance(100)
    }

    expect(calls()).toEqual({ reads: 3, writes: 0 })
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
    expect(granted.map(permit => permit.granted && permit.at - NOW)).toEqual([
      ...[0, 0, 0, 0, 0],
      ...[2_350, 2_350, 2_350, 2_350, 2_350],
      ...[4_650, 4_650],
    ])
  })

  it('is nothing for a turn that was booked before, within a second of a read', async () => {
    const { process, calls, advance } = aFleet(LIMITED)
    const guard = process()
    await permits(guard, 6)
    advance(2_000)
    await guard.permit({ ...ask, turn: NOW + 2_350 })
    const before = calls()

    expect(await guard.permit({ ...ask, turn: NOW + 2_350 })).toEqual({ granted: true, at: NOW + 2_350 })

    expect(calls()).toEqual(before)
    expect(before.writes).toBe(1)
  })

  it('is nothing for a report of a call that succeeded', async () => {
    const { process, calls } = aFleet(CIRCUIT)

    await process().report({ succeeded: true })
    await process().report({ succeeded: undefined })

    expect(calls()).toEqual({ reads: 0, writes: 0 })
  })
})

describe('a guard: many processes', () => {
  it('have one rate limit together', async () => {
    const { process } = aFleet(LIMITED)
    const fleet = Array.from({ length: 10 }, () => process())

    const all = (await Promise.all(fleet.map(guard => permits(guard, 2)))).flat()

    const turns = all.map(permit => (permit.granted ? permit.at - NOW : NaN)).toSorted((a, b) => a - b)
    expect(turns).toEqual([0, 2_350, 4_650, 6_950].flatMap(at => [at, at, at, at, at]))
  })

  it('count the failures of a model together', async () => {
    const { process } = aFleet(CIRCUIT)
    const [one, two, three] = [process(), process(), process()]
    for (const guard of [one, two, three]) await guard.permit(ask)

    await fail(one)
    await fail(two)
    expect(await two.permit(ask)).toMatchObject({ granted: true })
    await fail(three)

    expect(await two.permit(ask)).toMatchObject({ granted: false, because: 'open', until: NOW + 30_000 })
  })

  it('know of an open circuit after a second at most', async () => {
    const { process, advance } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]
    await other.permit(ask)
    await fail(one, 3)

    advance(1_000)

    expect(await other.permit(ask)).toMatchObject({ granted: false, because: 'open' })
  })

  it('know of a pause after a second at most', async () => {
    const { process, advance } = aFleet({})
    const [one, other] = [process(), process()]
    await other.permit(ask)
    await one.report({ succeeded: false, failures: 0, pause_until: NOW + 3_000 })

    expect(await one.permit(ask)).toMatchObject({ granted: false, until: NOW + 3_000 })
    advance(1_000)
    expect(await other.permit(ask)).toMatchObject({ granted: false, because: 'paused' })
    advance(2_000)
    expect(await other.permit(ask)).toMatchObject({ granted: true })
  })

  it('get one probe, though all of them ask at once', async () => {
    const { process, advance } = aFleet(CIRCUIT)
    const fleet = Array.from({ length: 8 }, () => process())
    await fail(process(), 3)
    advance(30_000)

    const all = (await Promise.all(fleet.map(guard => permits(guard, 3)))).flat()

    const probes = all.filter(({ granted }) => granted)
    expect(probes).toEqual([{ granted: true, at: NOW + 30_000, probe: expect.any(String) }])
  })

  it('go on when the probe has succeeded', async () => {
    const { process, advance, changes } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]
    await fail(one, 3)
    advance(30_000)
    const permit = await one.permit(ask)

    await one.report({ succeeded: true, probe: permit.granted ? permit.probe : undefined })

    advance(1_000)
    expect(await other.permit(ask)).toEqual({ granted: true, at: NOW + 31_000 })
    expect(changes).toEqual(['opened', 'closed'])
  })

  it('get another probe at once when one was not made', async () => {
    const { process, advance } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]
    await fail(one, 3)
    advance(30_000)
    const permit = await one.permit(ask)

    await one.report({ succeeded: undefined, probe: permit.granted ? permit.probe : undefined })

    expect(await other.permit(ask)).toMatchObject({ granted: true, probe: expect.any(String) })
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
    await other.report({ succeeded: false, probe: permit.granted ? permit.probe : undefined })
    await one.report({ succeeded: false, failures: 0, pause_until: NOW + 60_000 })
    await one.report({ succeeded: false, failures: 0, pause_until: NOW + 60_000 })

    expect(changes).toEqual(['opened', 'opened again', 'paused'])
  })
})

describe('a guard: calls that are late', () => {
  it('are those past the tolerance of the rate limit', () => {
    const { process, advance } = aFleet(LIMITED)
    const guard = process()

    advance(166)
    expect(guard.isLate(NOW)).toBe(false)
    advance(1)
    expect(guard.isLate(NOW)).toBe(true)
  })

  it('are none without a rate limit', () => {
    const { process, advance } = aFleet(CIRCUIT)
    advance(3_600_000)

    expect(process().isLate(NOW)).toBe(false)
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

    expect(await process().permit(ask)).toMatchObject({ granted: true, at: NOW + 2_350 })
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

  it('counts as unavailable when others always write first', async () => {
    const { process, store } = aFleet(LIMITED)
    const busy: GuardStore = {
      ...store,
      write: async (model, next) => store.write(model, { ...next, writer: 'another' }),
    }

    await expect(process(busy).permit(ask)).rejects.toThrow('the guard of the model is unavailable')
    expect(store.write.mock.calls.length).toBe(20)
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

    expect(await process().permit(ask)).toEqual({ granted: true, at: NOW })
  })
})
