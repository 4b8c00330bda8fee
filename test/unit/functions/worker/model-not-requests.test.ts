import { describe, expect, it } from 'vitest'
import { resetModel } from '../../../../lib/cli/operations/models.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { memoryPorts } from '../../../support/ports.ts'
import { SUCCESS } from '../../../support/worker.ts'
import { aWorkingFleet, type FleetModel } from '../../../support/working-fleet.ts'

const circuit = { failures: 5, within_ms: 60_000, open_ms: 30_000 }
const retry = aRetry()
const broken = failure({ status: 500, verdict: 'retry' })
const loading = failure({ status: 503, verdict: 'retry', message: 'the model answered 503' })
const wrongKey = failure({ status: 401, verdict: 'halt', message: 'the model refused the request with 401' })

const count = <T>(list: readonly T[], is: (one: T) => boolean): number => list.filter(is).length

/** Numbers between 0 and 1 that look random, and are the same in each run. */
function pseudoRandom(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

describe('workers: the requests of one user, which always fail,', () => {
  it.for([
    { fails: 'at once, beside a slow model', failsAfter: 1, succeedsAfter: 5_000, seed: 2 },
    { fails: 'as fast as others succeed', failsAfter: 100, succeedsAfter: 100, seed: 4 },
  ])('delay no request of other users, if they fail $fails', async ({ failsAfter, succeedsAfter, seed }) => {
    const model: FleetModel = ({ user }) =>
      user === 'poison' ? { answer: broken, after_ms: failsAfter } : { answer: SUCCESS, after_ms: succeedsAfter }
    const { submit, run, calls, ends, changes } = aWorkingFleet(model, { retry, circuit })
    const random = pseudoRandom(seed)
    const users = Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 'poison' : `user-${i % 7}`))
    for (const user of users.toSorted(() => random() - 0.5)) await submit(user)

    await run()

    const others = ends().filter(({ user }) => user !== 'poison')
    expect(count(others, ({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(200)
    // If no call of other users was deferred, each call began as soon as a worker was free. So there is no long time without a
    // running call until the last call of other users.
    const last = Math.max(...calls.filter(({ user }) => user !== 'poison').map(({ from }) => from))
    expect(longestPauseBefore(calls, last)).toBeLessThanOrEqual(1_000)
    expect(changes).not.toContain('opened for all')
  })

  it('the failing requests of one user open the circuit for that user only, until a call of another user succeeds', async () => {
    const model: FleetModel = ({ user, from }) =>
      user === 'poison' && from < 60_000 ? { answer: broken, after_ms: 1 } : { answer: SUCCESS, after_ms: 500 }
    const { submit, run, ends, modelStates } = aWorkingFleet(model, { retry, circuit })
    for (let i = 0; i < 20; i++) await submit('poison')
    await run(500)
    expect(await modelStates.read('text')).toMatchObject({ open: { times: 1 }, open_for: [expect.any(Number)] })

    await submit('other')
    await run(2_000)

    expect(ends()).toMatchObject([{ user: 'other', status: 'completed', at: 1_000 }])
    expect(await modelStates.read('text')).not.toHaveProperty('open')
  })
})

/** The longest time before `end` in which no call was running, in milliseconds. */
function longestPauseBefore(calls: readonly { from: number; until: number }[], end: number): number {
  let free = 0
  let longest = 0
  for (const { from, until } of calls.filter(call => call.from <= end)) {
    longest = Math.max(longest, from - free)
    free = Math.max(free, until)
  }
  return longest
}

describe('workers: a single request that always fails', () => {
  it('does not open the circuit if other requests of its user succeed, even if no other user sends requests', async () => {
    const { submit, run, ends, changes } = aWorkingFleet(
      ({ request_id }) => ({ answer: request_id === poison ? broken : SUCCESS, after_ms: 300 }),
      { retry, circuit: { ...circuit, failures: 3 } },
    )
    const poison = await submit('only')
    for (let second = 1; second < 60; second++) {
      await run(second * 1_000)
      await submit('only')
    }

    await run()

    expect(changes).toEqual([])
    expect(count(ends(), ({ status }) => status === 'completed')).toBe(59)
    expect(count(ends(), ({ status, attempt }) => status === 'failed' && attempt === 5)).toBe(1)
  })
})

describe('workers: an outage', () => {
  it.for([1, 2, 10])('opens the circuit if %i users send requests', async users => {
    const { submit, run, calls, ends, changes } = aWorkingFleet(
      ({ from }) => ({ answer: from < 60_000 ? broken : SUCCESS, after_ms: 50 }),
      { retry, circuit },
    )
    for (let i = 0; i < 50; i++) await submit(`user-${i % users}`)

    await run()

    expect(changes[0]).toBe('opened')
    expect(changes.at(-1)).toBe('closed')
    // The most calls during the outage: the failures that open the circuit, 10 calls that were under way at that time, one call
    // of each of up to 10 other users, and 2 probes.
    expect(count(calls, ({ from }) => from < 60_000)).toBeLessThanOrEqual(circuit.failures + 10 + 10 + 2)
    expect(count(ends(), ({ status }) => status === 'completed')).toBe(50)
  })

  it('an outage opens the circuit within 15 seconds, also if all requests are of one user, who has had no success in this time', async () => {
    const { submit, run, changes } = aWorkingFleet(
      ({ from }) => ({ answer: from < 10_000 ? SUCCESS : broken, after_ms: 50 }),
      { retry, circuit },
    )
    for (let i = 0; i < 10; i++) await submit('gone')
    await run(9_000)
    await submit('gone')
    await run(10_000)
    for (let i = 0; i < 30; i++) await submit('left')

    await run(25_000)

    expect(changes).toContain('opened')
  })
})

describe('workers: a model that is loading for a minute', () => {
  const model =
    (answer: typeof loading): FleetModel =>
    ({ from }) => ({
      answer: from < 60_000 ? answer : SUCCESS,
      after_ms: 10,
    })

  it.for([
    { what: 'with a circuit', answer: loading, settings: { circuit } },
    {
      what: 'without a circuit, if its profile recognizes the answer',
      answer: { ...loading, loading: true },
      settings: {},
    },
  ])(
    'a model that is loading for a minute makes none of 50 requests of 10 users fail: $what',
    async ({ answer, settings }) => {
      const { submit, run, ends } = aWorkingFleet(model(answer), { retry, ...settings })
      for (let i = 0; i < 50; i++) await submit(`user-${i % 10}`)

      await run()

      expect(count(ends(), ({ status }) => status === 'completed')).toBe(50)
    },
  )

  it('a loading model is probed (tested) by one call every few seconds, and no request loses an attempt', async () => {
    const { submit, run, calls, ends } = aWorkingFleet(model({ ...loading, loading: true }), { retry })
    for (let i = 0; i < 50; i++) await submit(`user-${i % 10}`)

    await run()

    // The first ten calls were under way when the first of them was answered. The other calls are probes.
    const tries = calls.filter(({ from }) => from < 60_000).slice(10)
    expect(tries.length).toBeGreaterThan(3)
    expect(tries.length).toBeLessThanOrEqual(12)
    expect(count(ends(), ({ attempt }) => attempt === 1)).toBe(50)
  })

  it('a loading model whose probe fails in another way, such as with a 500, gets its next probe within seconds, and not after 15 minutes', async () => {
    const answering: FleetModel = ({ from }) => {
      if (from >= 60_000) return { answer: SUCCESS, after_ms: 10 }
      return { answer: from >= 20_000 && from < 40_000 ? broken : { ...loading, loading: true }, after_ms: 10 }
    }
    const { submit, run, calls, ends } = aWorkingFleet(answering, { retry, circuit })
    for (let i = 0; i < 50; i++) await submit(`user-${i % 10}`)

    await run()

    expect(count(calls, ({ from }) => from >= 20_000 && from < 40_000)).toBeGreaterThan(1)
    expect(count(ends(), ({ status }) => status === 'completed')).toBe(50)
    expect(Math.min(...calls.filter(({ from }) => from >= 60_000).map(({ from }) => from))).toBeLessThan(120_000)
  })
})

describe('workers: a model that asks for a pause of twelve hours', () => {
  const quiet = failure({ status: 429, verdict: 'retry', retry_after_ms: 43_200_000 })
  const Hour = 3_600_000

  it('is probed every 15 minutes, and no request loses an attempt', async () => {
    const { submit, run, calls, ends } = aWorkingFleet(
      ({ from }) => ({ answer: from < 5 * Hour ? quiet : SUCCESS, after_ms: 100 }),
      { retry },
    )
    for (let i = 0; i < 20; i++) await submit(`user-${i % 3}`)

    await run()

    const tries = calls.filter(({ from }) => from < 5 * Hour).slice(10)
    expect(tries.length).toBeGreaterThanOrEqual(18)
    expect(tries.length).toBeLessThanOrEqual(20)
    for (const [i, { from }] of tries.slice(1).entries()) expect(from - (tries[i]?.from ?? 0)).toBeGreaterThan(890_000)
    expect(count(ends(), ({ status, attempt }) => status === 'completed' && attempt <= 2)).toBe(20)
  })

  it('requests whose deadline passes during the pause expire', async () => {
    const { submit, run, ends, items } = aWorkingFleet(() => ({ answer: quiet, after_ms: 100 }), { retry })
    const ids = await Promise.all(Array.from({ length: 3 }, () => submit('u42', Hour)))

    await run()

    expect(ends().filter(({ status }) => status !== 'expired')).toEqual([])
    for (const id of ids) expect(await items.get('u42', id)).toMatchObject({ status: 'expired' })
  })
})

describe('workers: a wrong key', () => {
  const refusing = () => {
    let isMended = false
    const fleet = aWorkingFleet(() => ({ answer: isMended ? SUCCESS : wrongKey, after_ms: 20 }), { retry })
    return { ...fleet, mend: () => (isMended = true) }
  }

  it('halts the model: only calls under way and test calls (probes) are made, none of 100 requests fails, and all complete after `models reset`', async () => {
    const { submit, run, mend, calls, ends, changes, modelStates } = refusing()
    for (let i = 0; i < 100; i++) await submit(`user-${i % 4}`)

    await run(100_000)
    expect(ends()).toEqual([])
    // Ten calls were under way. Then came one probe after 30 s, and one more 60 s later.
    expect(calls).toHaveLength(12)
    expect(changes).toEqual(['halted', 'halted again', 'halted again'])
    expect((await modelStates.read('text'))?.halted).toMatchObject({
      code: 'model_error',
      status: 401,
      reason: 'the model refused the request with 401',
      times: 3,
    })
    mend()
    const ports = memoryPorts()
    await resetModel({ ...ports, random: () => 0.5, modelStates, models: { text: {} } }, 'text')
    await run()

    expect(count(ends(), ({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(100)
  })

  it('a halt because of a wrong key ends by itself once a probe (test call) succeeds with the corrected key', async () => {
    const { submit, run, mend, ends, changes } = refusing()
    for (let i = 0; i < 20; i++) await submit(`user-${i % 4}`)
    await run(100_000)
    mend()

    await run()

    expect(changes.at(-1)).toBe('resumed')
    expect(count(ends(), ({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(20)
  })

  it('a request that expires while the model is halted is not charged', async () => {
    const { submit, run, items } = refusing()
    const ids = [await submit('u42', 50_000), await submit('u42', 200_000)]

    await run(300_000)

    for (const id of ids) {
      const item = await items.get('u42', id)
      expect(item).toMatchObject({ status: 'expired', attempt: 0 })
      expect(item).not.toHaveProperty('charge')
      expect(item).not.toHaveProperty('reached')
    }
  })
})

describe('workers: a model that answers 403', () => {
  const forbidden = failure({ status: 403, verdict: 'drop', code: 'model_rejected', message: 'refused with 403' })

  it('requests of the only user who gets a 403 fail, and the model is not halted', async () => {
    const { submit, run, ends, changes } = aWorkingFleet(
      ({ user }) => ({ answer: user === 'banned' ? forbidden : SUCCESS, after_ms: 20 }),
      { retry },
    )
    for (let i = 0; i < 30; i++) await submit(i % 3 === 0 ? 'banned' : 'other')

    await run()

    expect(changes).toEqual([])
    expect(count(ends(), ({ user, status }) => user === 'banned' && status === 'failed')).toBe(10)
    expect(count(ends(), ({ user, status }) => user === 'other' && status === 'completed')).toBe(20)
  })

  it('requests of two users who get a 403 fail without a halt of the model, if calls of others succeed in between', async () => {
    const { submit, run, ends, changes } = aWorkingFleet(
      ({ user }) => ({ answer: user === 'other' ? SUCCESS : forbidden, after_ms: 20 }),
      { retry },
      1,
    )
    for (const user of ['banned', 'other', 'banned-too', 'other', 'banned']) await submit(user)

    await run()

    expect(changes).toEqual([])
    expect(ends().map(({ status }) => status)).toEqual(['failed', 'completed', 'failed', 'completed', 'failed'])
  })

  it('the model is halted if requests of two users get a 403 and no call has succeeded in between', async () => {
    const { submit, run, ends, changes } = aWorkingFleet(() => ({ answer: forbidden, after_ms: 20 }), { retry }, 1)
    for (const user of ['first', 'first', 'second', 'third']) await submit(user)

    await run(10_000)

    expect(changes).toEqual(['halted'])
    expect(ends().map(({ user, status }) => [user, status])).toEqual([
      ['first', 'failed'],
      ['first', 'failed'],
    ])
  })
})

describe('workers: concurrency 1', () => {
  it('makes one call at a time, one right after the other, with two workers', async () => {
    const { submit, run, calls, ends } = aWorkingFleet(
      () => ({ answer: SUCCESS, after_ms: 700 }),
      { retry, one_at_a_time: ['normal'] },
      2,
    )
    for (let i = 0; i < 20; i++) await submit(`user-${i % 3}`)

    await run()

    expect(count(ends(), ({ status, attempt }) => status === 'completed' && attempt === 1)).toBe(20)
    for (const [i, { from }] of calls.slice(1).entries()) {
      expect(from).toBeGreaterThanOrEqual(calls[i]?.until ?? 0)
      expect(from - (calls[i]?.until ?? 0)).toBeLessThanOrEqual(1_000)
    }
  })

  it('two workers make one call at a time with any answers, with a circuit and a rate limit', async () => {
    const random = pseudoRandom(9)
    const { submit, run, calls, ends } = aWorkingFleet(
      () => ({ answer: random() < 0.3 ? broken : SUCCESS, after_ms: 1 + Math.floor(random() * 30_000) }),
      {
        retry: aRetry({ attempts: 20 }),
        circuit,
        rate_limit: { count: 3, interval_ms: 10_000 },
        one_at_a_time: ['normal'],
      },
      2,
    )
    for (let i = 0; i < 30; i++) await submit(`user-${i % 3}`)

    await run()

    expect(count(ends(), ({ status }) => status === 'completed')).toBe(30)
    for (const [i, { from }] of calls.slice(1).entries()) expect(from).toBeGreaterThanOrEqual(calls[i]?.until ?? 0)
  })
})
