import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Call, type Endpoint, echo, type Reply, refuse, startEndpoint } from '../e2e/support/endpoint.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { allCompleted, endedRows, endings, prompts, submitAll } from '../e2e/support/load.ts'
import { runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

// Most of these tests wait for time to pass. They can run in parallel, because each has its own model.
vi.setConfig({ maxConcurrency: 10 })

let endpoint: Endpoint
/** The port of a model that refuses connections, because it starts to listen only during its test. */
let away: number
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startEndpoint()
  const gone = await startEndpoint()
  away = Number(new URL(gone.url).port)
  gone.close()
  system = await startSystem({
    SLUICE_CONFIG: fixture('protected.yaml'),
    MODEL_URL: endpoint.url,
    AWAY_URL: gone.url,
  })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
})

const last = (calls: readonly Call[]): number => calls.at(-1)?.at ?? 0
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

describe.concurrent('the limits of a model:', () => {
  test.concurrent('a rate limit of 20 calls in 2 s is never exceeded, and is almost used up', async () => {
    const client = await system.newUser()

    await submitAll(client, 'limited', prompts(100))
    const posted = performance.now()
    const rows = await endedRows(system, client)

    const calls = endpoint.calls('limited')
    expect(rows.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
      Array(100).fill({ status: 'completed', attempts: 1 }),
    )
    expect(calls).toHaveLength(100)
    const windows = calls.map(({ at }) => calls.filter(call => call.at >= at && call.at < at + 2_000).length)
    expect(Math.max(...windows)).toBeLessThanOrEqual(20)
    // With this rate limit, 100 calls need at least 8 s. If the posts take longer than that, the calls end at most one interval (2 s) after the last post.
    const first = calls[0]?.at ?? Number.NaN
    expect(last(calls) - first).toBeLessThan(1.5 * Math.max(8_000, posted - first + 2_000))
  })

  describe('a model that asks for a pause of three seconds', () => {
    /** For three seconds after its first call, answers all calls with a 429 and the remaining time of the pause. */
    const pausing = (retryAfter: (ms: number) => string): Reply => {
      let until = Number.POSITIVE_INFINITY
      return (response, call) => {
        until = Math.min(until, call.at + 3_000)
        const left = until - call.at
        return (left > 0 ? refuse(429, { 'retry-after': retryAfter(left) }) : echo)(response, call)
      }
    }
    const inSeconds = (ms: number) => String(Math.ceil(ms / 1_000))
    const asDate = (ms: number) => new Date(Math.ceil((Date.now() + ms) / 1_000) * 1_000).toUTCString()

    test.for([
      ['pausing', inSeconds],
      ['pausing-by-date', asDate],
    ] as const)(
      'a pausing model is not called from one second after its first 429 until the end of the pause (model %s)',
      async ([model, retryAfter]) => {
        const client = await system.newUser()
        await submitAll(client, model, prompts(5))
        await endedRows(system, client)
        endpoint.reply(model, pausing(retryAfter))

        await submitAll(client, model, prompts(20))
        const rows = await endedRows(system, client)

        const [first, ...others] = endpoint.calls(model).slice(5)
        const sinceFirst = others.map(({ at }) => at - (first?.at ?? Number.NaN))
        expect(Math.max(...sinceFirst)).toBeGreaterThan(3_000)
        expect(sinceFirst.filter(ms => ms > 1_000 && ms < 3_000)).toEqual([])
        expect(endings(rows)).toEqual(allCompleted(25))
      },
    )
  })
})

/** The number of failures that open a circuit in the fixture. */
const FAILURES = 5
const OUTAGE_MS = 10_000

describe.concurrent('outages', () => {
  test.for([
    ['down', 10],
    ['down-for-few', 2],
  ] as const)(
    'an outage of ten seconds opens the circuit, and fails no request (model %s)',
    async ([model, concurrency]) => {
      const client = await system.newUser()
      let until = Number.POSITIVE_INFINITY
      endpoint.reply(model, (response, call) => {
        if (endpoint.calls(model).length === FAILURES) until = call.at + OUTAGE_MS
        return (call.at < until ? refuse(500) : echo)(response, call)
      })

      await submitAll(client, model, prompts(30))
      const rows = await endedRows(system, client)

      expect(endings(rows)).toEqual(allCompleted(30))
      const calls = endpoint.calls(model)
      const failed = calls.filter(({ at }) => at < until)
      // Probes (calls that test whether the model works again) fail after 1 s, 2 s and 4 s. The next probe finds that the model works again.
      const probes = logged(model, 'stays open')
      expect(probes).toBeGreaterThan(0)
      expect(probes).toBeLessThanOrEqual(3)
      const underWay = failed.length - FAILURES - probes
      expect(underWay).toBeGreaterThanOrEqual(0)
      expect(underWay).toBeLessThan(concurrency)
      // The only failed calls are those that opened the circuit, those that were running, and the probes.
      expect(calls).toHaveLength(failed.length + 30)
      expect(sum(rows.map(({ attempts }) => Number(attempts)))).toBe(calls.length)
      // The circuit stays open for at most 8 s. The other 8 s are for the time until the messages are delivered again.
      expect((calls[failed.length]?.at ?? Number.NaN) - last(failed)).toBeLessThan(16_000)
    },
  )

  test('an outage in which a model refuses connections fails no request, and only the calls after the outage are charged', async () => {
    const client = await system.newUser()

    await submitAll(client, 'away', prompts(30))
    await eventually(() => expect(logged('away', 'stays open')).toBeGreaterThan(1))
    const back = await startEndpoint(away)
    const rows = await endedRows(system, client)
    back.close()

    expect(endings(rows)).toEqual(allCompleted(30))
    expect(back.calls('away')).toHaveLength(30)
    expect(await client.quota()).toMatchObject({ requests: { used: 30 }, tokens: { used: sum([...Array(30).keys()]) } })
  })
})

/** The number of times that the worker of a model has logged this change of its circuit. */
const logged = (model: string, change: string): number =>
  system
    .functionLogs()
    .split('\n')
    .filter(line => line.includes(change) && line.includes(`"service":"protected-worker-${model}"`)).length

test('`sluice reconcile` finds no difference between the stores after these tests, and no function has logged an error', async () => {
  const logged = system.functionLogs().split('\n')
  expect(logged.filter(line => line.includes('"level":"ERROR"'))).toEqual([])
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
})
