import { describe, expect, it } from 'vitest'
import { LEAD_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { NOW } from '../../../../support/clock.ts'
import { aFleet, ask, CIRCUIT, fail, LIMITED, permits } from '../../../../support/guards.ts'

/** Full rounds of calls follow each other so: by the interval of 2 s, a tenth of it as slack, and the width of a bucket. */
const APART = 2_000 + 200 + 1

describe('a guard: many processes', () => {
  it('have one rate limit together', async () => {
    const { process } = aFleet(LIMITED)
    const fleet = Array.from({ length: 10 }, () => process())

    const all = (await Promise.all(fleet.map(guard => permits(guard, 2)))).flat()

    const turns = all.map(permit => (permit.granted ? permit.at - NOW - LEAD_MS : NaN)).toSorted((a, b) => a - b)
    expect(turns).toEqual([0, APART, 2 * APART, 3 * APART].flatMap(at => [at, at, at, at, at]))
  })

  it('give way to each other when dozens ask at once: no call is lost, and none gets two turns', async () => {
    const { process, store } = aFleet({ rate_limit: { count: 1_000, interval_ms: 60_000 } })
    const fleet = Array.from({ length: 60 }, () => process())

    const all = await Promise.all(fleet.map(guard => guard.permit(ask)))

    const granted = all.filter(permit => permit.granted).length
    expect(granted).toBeGreaterThanOrEqual(12)
    expect(granted).toBeLessThan(60)
    const log = (await store.read('text'))?.calls ?? []
    expect(log.reduce((sum, { count }) => sum + count, 0)).toBe(granted)
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
    await one.report({ findings: 'nothing', pause_until: NOW + 3_000 })

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

    await one.report({ findings: 'well', probe: permit.granted ? permit.probe : undefined })

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

    await one.report({ findings: 'nothing', probe: permit.granted ? permit.probe : undefined })

    expect(await other.permit(ask)).toMatchObject({ granted: true, probe: expect.any(String) })
  })
})
