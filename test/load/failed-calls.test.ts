import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Failure } from '../../functions/core/domain/item.ts'
import {
  type Call,
  type Endpoint,
  echo,
  type Reply,
  refuse,
  send,
  startEndpoint,
  tokensOf,
} from '../e2e/support/endpoint.ts'
import { deadLetters, type LedgerRow } from '../e2e/support/ledger.ts'
import { allCompleted, endedRows, endings, prompts, submitAll } from '../e2e/support/load.ts'
import { runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

// Most of these tests wait for time to pass. They can run in parallel, because each has its own model or prompt.
vi.setConfig({ maxConcurrency: 20 })

let endpoint: Endpoint
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startEndpoint()
  system = await startSystem({ SLUICE_CONFIG: fixture('retried.yaml'), MODEL_URL: endpoint.url })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
})

const gaps = (calls: readonly Call[]): number[] => calls.slice(1).map(({ at }, i) => at - (calls[i]?.at ?? 0))
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

describe.concurrent('batches with prompts that the model refuses', () => {
  const poisonous = new Set(['number 11', 'number 30', 'number 31'])
  const isPoisoned = ({ inputs }: Call) => inputs.some(input => poisonous.has(input))
  const isFailed = ({ status }: LedgerRow) => status === 'failed'
  /** Answers a batch: a prompt in `poisonous` gets an error, and the other prompts get their results. */
  const element: Reply = (response, { inputs }) => {
    const echoed = (input: string) => ({ result: input, usage: { total_tokens: tokensOf(input) } })
    send(response, { outputs: inputs.map(input => (poisonous.has(input) ? { error: 'no' } : echoed(input))) })
  }

  /**
   * Posts requests, and waits until they have ended. The model answers only when all requests are posted. So most of them wait in the queue, and are
   * then called in full batches.
   */
  async function run(model: string, count: number, reply: Reply) {
    const client = await system.newUser()
    const posted = Promise.withResolvers<void>()
    endpoint.reply(model, async (response, call) => {
      await posted.promise
      return reply(response, call)
    })
    await submitAll(client, model, prompts(count))
    posted.resolve()
    const rows = await endedRows(system, client)
    return { client, rows, calls: endpoint.calls(model) }
  }

  test.for([
    { model: 'batched-mixed', count: 95, calls: 12, code: 'model_rejected' },
    { model: 'batched-400', count: 95, calls: 39, code: 'model_rejected', status: 400 },
    { model: 'batched-500', count: 45, calls: 39, code: 'model_error', status: 500 },
    { model: 'batched-503', count: 45, calls: 39, code: 'model_error', status: 503 },
  ])(
    'requests in batches of ten complete, except the three whose prompts the model refuses, and each request is charged its own usage (model $model, $count requests)',
    async ({ model, count, calls: most, code, status }) => {
      const { client, rows, calls } = await run(model, count, (response, call) =>
        (isPoisoned(call) && status ? refuse(status) : element)(response, call),
      )

      expect(calls.length).toBeLessThanOrEqual(most)
      const [failed, completed] = [rows.filter(isFailed), rows.filter(row => !isFailed(row))]
      const errors = Object.fromEntries(failed.map(({ prompt, error }) => [prompt, (error as Failure).code]))
      expect(errors).toEqual(Object.fromEntries([...poisonous].map(prompt => [prompt, code])))
      expect(endings(completed)).toEqual(allCompleted(count - 3))
      for (const { prompt, total_tokens } of completed) expect(total_tokens).toBe(tokensOf(String(prompt)))
      const used = sum(completed.map(({ total_tokens }) => Number(total_tokens)))
      expect(await client.quota()).toMatchObject({ requests: { used: count }, tokens: { used, reserved: 0 } })
    },
  )
})

describe.concurrent('failed calls', () => {
  const callsFor = (prompt: string) => endpoint.calls('retried').filter(({ inputs }) => inputs[0] === prompt)
  const ways: Readonly<Record<string, Reply>> = {
    busy: refuse(503),
    bad: refuse(400),
    slow: () => undefined,
    reset: response => response.destroy(),
    unreadable: response => response.end('none'),
    page: response => response.end('<html>'),
  }

  beforeAll(() => {
    // The prompt says how the call fails, and whether only the first call fails.
    endpoint.reply('retried', (response, call) => {
      const [prompt = ''] = call.inputs
      const [way = '', times] = prompt.split(' ')
      const isFine = times === 'once' && callsFor(prompt).length > 1
      return ((!isFine && ways[way]) || echo)(response, call)
    })
  })

  test('a call that is answered with 503 is made five times, and the waits between the calls grow within their limits', async () => {
    const client = await system.newUser()
    const busy = prompts(6).map(number => `busy always, ${number}`)

    await submitAll(client, 'retried', busy)
    const rows = await endedRows(system, client)

    const error = { code: 'model_error', message: 'the model answered 503', status: 503 }
    expect(rows.map(({ attempts, error }) => ({ attempts, error }))).toEqual(Array(6).fill({ attempts: 5, error }))
    const waits = busy.map(prompt => gaps(callsFor(prompt)))
    for (const [i, most] of [2_000, 4_000, 5_000, 5_000].entries()) {
      const nth = waits.map(of => of[i] ?? Number.NaN)
      expect(Math.min(...nth)).toBeGreaterThanOrEqual(1_000)
      // The shortest of six random waits is below its limit. 3 s are for the time until the message is delivered again.
      expect(Math.min(...nth)).toBeLessThan(most + 3_000)
    }
    expect(Math.max(...waits.map(([, , third = 0]) => third))).toBeGreaterThan(2_000)
    expect(await client.quota()).toMatchObject({ requests: { used: 6 }, tokens: { used: 0, reserved: 0 } })
    expect(await deadLetters(system, client.user)).toMatchObject(Array(6).fill({ reason: 'model_error', attempts: 5 }))
  })

  test.for([
    ['bad always', 'model_rejected'],
    ['unreadable always', 'invalid_model_response'],
  ] as const)('a call with an error that a retry can’t fix is made only once (%s)', async ([prompt, code]) => {
    const client = await system.newUser()

    await submitAll(client, 'retried', [prompt])
    const rows = await endedRows(system, client)

    expect(rows).toMatchObject([{ status: 'failed', attempts: 1, error: { code } }])
    expect(callsFor(prompt)).toHaveLength(1)
    expect(await deadLetters(system, client.user)).toMatchObject([{ reason: code, attempts: 1 }])
  })

  test.for(['slow once', 'reset once', 'busy once', 'page once'])(
    'a call with a temporary error is made a second time, and the request is charged once (%s)',
    async prompt => {
      const client = await system.newUser()

      await submitAll(client, 'retried', [prompt])
      const rows = await endedRows(system, client)

      expect(rows).toMatchObject([{ status: 'completed', attempts: 2, error: null }])
      expect(callsFor(prompt)).toHaveLength(2)
      expect(await client.quota()).toMatchObject({ requests: { used: 1 }, tokens: { used: 7, reserved: 0 } })
    },
  )
})

test('`sluice reconcile` finds no difference between the stores after these tests, and no function has logged an error', async () => {
  const logged = system.functionLogs().split('\n')
  expect(logged.filter(line => line.includes('"level":"ERROR"'))).toEqual([])
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
})
