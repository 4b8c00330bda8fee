import { describe, expect, it } from 'vitest'
import { grant } from '../../../../../functions/core/flow-control/grant.ts'
import type { Ask, Permit } from '../../../../../functions/core/flow-control/port.ts'
import { MIN_LEAD_TIME_MS } from '../../../../../functions/core/flow-control/rate-limit.ts'
import { type ModelState, UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'
import { roundOf } from '../../../../support/limiter.ts'

const LIMIT = { count: 60, interval_ms: 60_000 }
const ROUND = roundOf(LIMIT)

/** A model with a rate limit. `at` asks for one slot at the given ms after NOW, `many` asks for several. Time goes forward. */
function aModel(rateLimit = LIMIT) {
  let state: ModelState = UNTOUCHED
  const at = (ms: number, backlog: Ask['backlog'], limit = rateLimit): Permit => {
    const asked = grant(
      state,
      [{ backlog, until: NOW + 3_600_000 }],
      { now: NOW + ms, lead_time: MIN_LEAD_TIME_MS, id: 'id' },
      { rate_limit: limit },
    )
    state = asked.state
    const [permit] = asked.permits
    if (!permit) throw new Error('there is a permit for each ask')
    return permit
  }
  return { at, many: (count: number, ms: number) => Array.from({ length: count }, () => at(ms, 'joins')) }
}

const waitOf = (permit: Permit, ms: number): number => (permit.granted ? permit.at : permit.until) - NOW - ms

describe('grant: the backlog of a rate limit, i.e. the deferred requests that wait for a slot,', () => {
  it('gives each request that joins the backlog a later time than earlier requests: one round of the limit after the other', () => {
    const { many } = aModel()

    const permits = many(240, 0)

    const back = permits.slice(60).map(permit => (permit.granted ? NaN : permit.until - NOW))
    expect(back).toEqual(back.toSorted((a, b) => a - b))
    const [first = NaN, ...rounds] = new Set(back)
    expect(rounds).toEqual([first + ROUND, first + 2 * ROUND])
    expect(permits.slice(60)).toEqual(back.map(() => expect.objectContaining({ granted: false, isInBacklog: true })))
  })

  it('the backlog does not delay requests of priority high: they get the next slots, however many requests wait in it', () => {
    const { at, many } = aModel()
    many(1_000, 0)

    const urgent = at(0, undefined)

    expect(urgent).toMatchObject({ granted: true })
    expect(waitOf(urgent, 0)).toBeLessThanOrEqual(ROUND)
  })

  it('the backlog grows by the slots that requests of priority high take', () => {
    const { at, many } = aModel()
    many(61, 0)
    for (let i = 0; i < 120; i++) at(0, undefined)

    const [next] = many(1, 0)

    expect(waitOf(next as Permit, 0)).toBeGreaterThan(2 * ROUND)
  })

  it('the backlog does not grow when its requests are redelivered too early, and these requests keep their places', () => {
    const { at, many } = aModel()
    many(180, 0)

    const early = Array.from({ length: 60 }, () => at(0, 'has waited'))
    const [next] = many(1, 0)

    for (const permit of early) {
      expect(permit).toMatchObject({ granted: false, isInBacklog: true })
      expect(waitOf(permit, 0)).toBeLessThanOrEqual(ROUND)
    }
    expect(waitOf(next as Permit, 0)).toBeLessThanOrEqual(3 * ROUND)
  })

  it('redelivered requests of the backlog get slots before a new request gets one', () => {
    const { at, many } = aModel()
    const [permit] = many(240, 0).slice(60)
    const back = waitOf(permit as Permit, 0)

    const newcomer = at(back, 'joins')
    const returned = Array.from({ length: 60 }, () => at(back, 'has waited'))

    expect(returned.every(one => one.granted)).toBe(true)
    expect(newcomer).toMatchObject({ granted: false, isInBacklog: true })
    expect(waitOf(newcomer, 0)).toBeGreaterThan(3 * ROUND)
  })

  it('a new request gets a slot at once if one is free, although other requests wait in the backlog', () => {
    const { at, many } = aModel()
    many(1_000, 0)

    // No request of the backlog was redelivered in the second round, so this round has free slots.
    expect(at(2 * ROUND, 'joins')).toEqual({ granted: true, at: NOW + 2 * ROUND + MIN_LEAD_TIME_MS })
  })

  it('a new request gets a slot at once if pipeline.yaml has raised the limit, although other requests wait in the backlog', () => {
    const { at, many } = aModel()
    many(1_000, 0)

    expect(at(1_000, 'joins', { ...LIMIT, count: 6_000 })).toMatchObject({ granted: true })
  })

  it('if no request of the backlog is redelivered for a round (the time that `count` calls take), the backlog ends, so new requests do not wait behind it', () => {
    const { at, many } = aModel()
    many(600, 0)
    at(ROUND, 'has waited')

    const early = many(61, 2 * ROUND).at(-1) as Permit
    const late = many(61, 3 * ROUND + 5_000).at(-1) as Permit

    expect(waitOf(early, 2 * ROUND)).toBeGreaterThan(5 * ROUND)
    expect(waitOf(late, 3 * ROUND + 5_000)).toBeLessThan(ROUND)
  })

  it('the backlog continues while at least one of its requests is redelivered in each round', () => {
    const { at, many } = aModel()
    many(600, 0)

    for (let round = 1; round < 5; round++) at(round * ROUND, 'has waited')
    const last = many(61, 5 * ROUND).at(-1) as Permit

    expect(waitOf(last, 5 * ROUND)).toBeGreaterThan(3 * ROUND)
  })

  it('the backlog continues at least until its first request can be redelivered', () => {
    const { many } = aModel({ count: 1, interval_ms: 600_000 })

    const [, second, third] = many(3, 0)
    const [later] = many(1, 590_000)

    expect(second).toMatchObject({ granted: false, isInBacklog: true })
    expect(third).toMatchObject({ granted: false, until: NOW + 900_000, isInBacklog: false })
    expect(later).toMatchObject({ granted: false })
    expect(waitOf(later as Permit, 590_000)).toBeGreaterThan(600_000)
  })
})
