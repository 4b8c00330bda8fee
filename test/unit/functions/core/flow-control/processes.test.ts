import { describe, expect, it } from 'vitest'
import { MIN_LEAD_TIME_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { NOW } from '../../../../support/clock.ts'
import { aFleet, ask, CIRCUIT, fail, LIMIT, LIMITED, permits } from '../../../../support/flow-control.ts'
import { roundOf } from '../../../../support/limiter.ts'

const ROUND = roundOf(LIMIT)

describe('flow control: many processes that share the item of a model', () => {
  it('keep one common rate limit', async () => {
    const { process } = aFleet(LIMITED)
    const fleet = Array.from({ length: 10 }, () => process())

    const all = (await Promise.all(fleet.map(flowControl => permits(flowControl, 2)))).flat()

    const slots = all
      .map(permit => (permit.granted ? permit.at - NOW - MIN_LEAD_TIME_MS : NaN))
      .toSorted((a, b) => a - b)
    expect(slots).toEqual([0, ROUND, 2 * ROUND, 3 * ROUND].flatMap(at => [at, at, at, at, at]))
  })

  it('if 60 processes ask at the same time, they book exactly one slot of the rate limit per granted call', async () => {
    const { process, store } = aFleet({ rate_limit: { count: 1_000, interval_ms: 60_000 } })
    const fleet = Array.from({ length: 60 }, () => process())

    const all = await Promise.all(fleet.map(flowControl => flowControl.permit(ask)))

    const granted = all.filter(permit => permit.granted).length
    expect(granted).toBeGreaterThanOrEqual(12)
    expect(granted).toBeLessThan(60)
    const log = (await store.read('text'))?.calls ?? []
    expect(log.reduce((sum, { count }) => sum + count, 0)).toBe(granted)
  })

  it('all processes count the failures of a model together', async () => {
    const { process } = aFleet(CIRCUIT)
    const [one, two, three] = [process(), process(), process()]
    for (const flowControl of [one, two, three]) await flowControl.permit(ask)

    await fail(one)
    await fail(two)
    expect(await two.permit(ask)).toMatchObject({ granted: true })
    await fail(three)

    expect(await two.permit(ask)).toMatchObject({ granted: false, because: 'open', until: NOW + 30_000 })
  })

  it('processes defer their calls within a second after another process has opened the circuit', async () => {
    const { process, advance } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]
    await other.permit(ask)
    await fail(one, 3)

    advance(1_000)

    expect(await other.permit(ask)).toMatchObject({ granted: false, because: 'open' })
  })

  it('processes defer their calls within a second after another process has reported a pause', async () => {
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

  it('all processes together make one probe (test call) of a half-open circuit, even if all of them ask at the same time', async () => {
    const { process, advance } = aFleet(CIRCUIT)
    const fleet = Array.from({ length: 8 }, () => process())
    await fail(process(), 3)
    advance(30_000)

    const all = (await Promise.all(fleet.map(flowControl => permits(flowControl, 3)))).flat()

    const probes = all.filter(({ granted }) => granted)
    expect(probes).toEqual([{ granted: true, at: NOW + 30_000, probe: expect.any(String) }])
  })

  it('processes make calls again within a second after the probe (test call) of another process has succeeded', async () => {
    const { process, advance, changes } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]
    await fail(one, 3)
    advance(30_000)
    const permit = await one.permit(ask)

    await one.report({ findings: 'healthy', probe: permit.granted ? permit.probe : undefined })

    advance(1_000)
    expect(await other.permit(ask)).toEqual({ granted: true, at: NOW + 31_000 })
    expect(changes).toEqual(['opened', 'closed'])
  })

  it('a process may make a probe (test call) at once if another process reports that it has not made its own', async () => {
    const { process, advance } = aFleet(CIRCUIT)
    const [one, other] = [process(), process()]
    await fail(one, 3)
    advance(30_000)
    const permit = await one.permit(ask)

    await one.report({ findings: 'nothing', probe: permit.granted ? permit.probe : undefined })

    expect(await other.permit(ask)).toMatchObject({ granted: true, probe: expect.any(String) })
  })
})
