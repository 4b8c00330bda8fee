import { CreateQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dynamoModelStates } from '../../../functions/core/flow-control/dynamodb.ts'
import { dynamoFailureNotes } from '../../../functions/core/flow-control/last-failure.ts'
import type { ModelStateStore } from '../../../functions/core/flow-control/port.ts'
import { type ModelState, UNTOUCHED } from '../../../functions/core/flow-control/state.ts'
import { adminOf } from '../../../lib/cli/admin.ts'
import { resetModel } from '../../../lib/cli/operations/models.ts'
import { localTarget } from '../../../lib/cli/target.ts'
import { startSqsAndS3 } from '../../support/emulators.ts'
import { jsonOf, OUTPUTS, startTables } from './local-system.ts'

const NOON = Date.parse('2026-11-23T12:00:00.000Z')

let sqs: Awaited<ReturnType<typeof startSqsAndS3>>
let system: Awaited<ReturnType<typeof startTables>>
let modelStates: ModelStateStore
let queueUrl: (name: string) => string

beforeAll(async () => {
  sqs = await startSqsAndS3()
  const names = ['text', 'plain'].flatMap(model => [`inference-${model}-high`, `inference-${model}-normal`])
  const urls = await Promise.all(
    names.map(name => sqs.sqs.send(new CreateQueueCommand({ QueueName: `sluice-${name}` }))),
  )
  const { protocol, port } = new URL(urls[0]?.QueueUrl ?? '')
  system = await startTables(undefined, `${protocol}//127.0.0.1:${port}`)
  queueUrl = name => `${system.local.outputs.QueueUrlPrefix}${name}`
  modelStates = dynamoModelStates(system.client, OUTPUTS.ModelsTable ?? '')
})

afterAll(async () => {
  await system.close()
  await sqs.close()
})

beforeEach(() => set({}))

/** Sets the state of the model `text` to these fields only. */
async function set(state: Partial<ModelState>): Promise<void> {
  const version = ((await modelStates.read('text')) ?? UNTOUCHED).version + 1
  const next = { failures: [], calls: [], ...state, version, writer: `test-${version}` }
  expect(await modelStates.write('text', next)).toEqual(next)
}

const sluice = (line: string) => system.at('2026-11-23T12:00:00Z')(line)
const json = jsonOf(sluice)
const text = async () => (await json('models list'))[0]
const shown = async () => (await sluice('models list')).out
const rows = async () => (await shown()).split('\n').map(line => line.split(/ {2,}/))

describe('models list', () => {
  it('`models list` shows the models of the pipeline file before any call', async () => {
    expect(await json('models list')).toEqual([
      {
        model: 'text',
        circuit: { state: 'closed', failures: 0 },
        rate_limit: { used: 0, count: 20, interval_ms: 2000 },
        waiting: { high: 0, normal: 0 },
      },
      { model: 'plain', circuit: { state: 'off', failures: 0 }, waiting: { high: 0, normal: 0 } },
    ])
    expect(await rows()).toEqual([
      ['MODEL', 'STATE', 'RATE LIMIT', 'FAILED', 'HIGH', 'NORMAL', 'OLDEST'],
      ['text', 'closed', '0 of 20 in 2 s', '?', '0', '0'],
      ['plain', 'ok', 'none', '?', '0', '0'],
      [''],
    ])
  })

  it('`models list` counts only the failures that are recent enough to open the circuit', async () => {
    await set({ failures: [NOON - 60_000, NOON - 59_999, NOON - 1] })

    expect((await text()).circuit).toEqual({ state: 'closed', failures: 2 })
    expect(await shown()).toContain('The circuit of text has counted 2 of 5 failures in 60 s.')
  })

  it('`models list` prints the end of an open circuit’s wait, and how often the circuit has opened in a row', async () => {
    await set({ open: { until: NOON + 1, times: 3 } })

    expect((await text()).circuit).toEqual({
      state: 'open',
      until: '2026-11-23T12:00:00.001Z',
      failures: 0,
      opened_times: 3,
    })
    expect((await rows())[1]?.[1]).toBe('open')
    expect(await shown()).toContain('The circuit of text is open until 2026-11-23T12:00:00.001Z (3 times in a row).')
  })

  it('`models list` calls a circuit half open once its wait is over', async () => {
    await set({ open: { until: NOON, times: 1 } })

    expect((await text()).circuit).toEqual({ state: 'half_open', failures: 0, opened_times: 1 })
    expect((await rows())[1]?.[1]).toBe('half open')
    expect(await shown()).toContain('The circuit of text is half open: one call tries the model.')
  })

  it('`models list` shows a pause until it is over', async () => {
    await set({ paused_until: NOON + 3_000 })
    const lasting = await text()
    await set({ paused_until: NOON })

    expect(lasting).toMatchObject({ paused_until: '2026-11-23T12:00:03.000Z' })
    expect(await text()).not.toHaveProperty('paused_until')
  })

  it('`models list` counts the calls of the last interval, and prints the next slot (the time of the next allowed call) if the limit is used up', async () => {
    const calls = [
      { from: NOON - 2_400, count: 4 },
      { from: NOON - 500, count: 15 },
      { from: NOON - 100, count: 1 },
    ]
    await set({ calls })
    const busy = (await text()).rate_limit
    await set({ calls: [...calls.slice(1), { from: NOON, count: 4 }, { from: NOON + 1_900, count: 9 }] })
    const full = (await text()).rate_limit
    await set({ calls: [{ from: NOON + 60_000, count: 1 }] })
    const waiting = (await text()).rate_limit

    expect(busy).toMatchObject({ used: 16, count: 20 })
    expect(full).toMatchObject({ used: 20 })
    expect(waiting).toMatchObject({ used: 20, next_turn: '2026-11-23T12:01:00.000Z' })
    expect(Date.parse(full.next_turn)).toBeGreaterThan(NOON + 1_500)
    expect((await rows())[1]).toContain('20 of 20 in 2 s')
    expect(await shown()).toContain('The next free slot of text is at 2026-11-23T12:01:00.000Z.')
  })

  it('`models list` prints until when the backlog (the requests that wait for the rate limit) has slots; a backlog none of whose requests is redelivered any more has ended', async () => {
    await set({ backlog: { slot: NOON + 90_000, taken: 3, last_return: NOON } })
    const standing = await shown()
    await set({ backlog: { slot: NOON + 90_000, taken: 3, last_return: NOON - 60_000 } })

    expect(standing).toContain('The backlog of text has slots until about 2026-11-23T12:01:30.000Z.')
    expect((await text()).rate_limit).not.toHaveProperty('line_until')
  })

  it('`models list` shows the last failed call, with the error text of the model', async () => {
    await dynamoFailureNotes(system.client, OUTPUTS.ModelsTable ?? '').note('text', {
      at: NOON - 180_000,
      code: 'model_error',
      status: 500,
      reason: 'the model answered 500: CUDA out of memory',
      request_id: 'r-1',
    })

    expect((await text()).last_failure).toEqual({
      at: '2026-11-23T11:57:00.000Z',
      code: 'model_error',
      status: 500,
      reason: 'the model answered 500: CUDA out of memory',
      request_id: 'r-1',
    })
    expect(await shown()).toContain(
      'The last failed call of text, 3m ago (request r-1): the model answered 500: CUDA out of memory\n',
    )
  })

  it('`models list` counts the waiting messages, including deferred ones', async () => {
    const send = (name: string, DelaySeconds = 0) =>
      sqs.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl(name), MessageBody: 'x', DelaySeconds }))
    await Promise.all([send('inference-plain-normal'), send('inference-plain-normal', 900)])
    await send('inference-plain-high')

    expect((await json('models list'))[1]).toMatchObject({ model: 'plain', waiting: { high: 1, normal: 2 } })
  })
})

describe('models list: a halted or paused model', () => {
  const halted = {
    since: NOON - 90_000,
    until: NOON + 30_000,
    times: 2,
    code: 'model_rejected',
    status: 401,
    reason: 'the model refused the request with 401',
  }

  it('a halted model (not called, after an error that no retry fixes) is shown with the reason, the start and the time of the next call', async () => {
    await set({ halted })

    expect((await text()).halted).toEqual({
      since: '2026-11-23T11:58:30.000Z',
      next_probe: '2026-11-23T12:00:30.000Z',
      times: 2,
      code: 'model_rejected',
      status: 401,
      reason: 'the model refused the request with 401',
    })
    const { out } = await sluice('models list')
    expect(out).toContain('text is halted since 2026-11-23T11:58:30.000Z')
    expect(out).toContain('The reason: the model refused the request with 401')
  })

  it('`models reset` ends a halt and all other effects of failures, but keeps the leases of calls under way, so concurrency 1 still means one call at a time', async () => {
    const leases = { normal: { id: 'l', since: NOON, until: NOON + 9 } }
    await set({
      halted,
      refused_by: 7,
      tried_until: NOON + 90_000,
      open_for: [7],
      open: { until: NOON, times: 1 },
      leases,
    })

    expect(await json('models reset text')).toEqual({
      model: 'text',
      reset: true,
      held_until: '2026-11-23T12:00:30.000Z',
    })
    expect(await modelStates.read('text')).toEqual({
      failures: [],
      calls: [],
      leases,
      version: expect.any(Number),
      writer: expect.any(String),
    })
  })

  it('a model in a long pause is shown with the time of the next call and the end of the pause, and with the number of users for whom its circuit is open', async () => {
    await set({
      open: { until: NOON + 1_000, times: 1 },
      open_for: [7],
      paused_until: NOON + 900_000,
      tried_until: NOON + 7_200_000,
    })

    expect(await text()).toMatchObject({
      circuit: { state: 'open', open_for_users: 1 },
      paused_until: '2026-11-23T14:00:00.000Z',
      tried_at: '2026-11-23T12:15:00.000Z',
    })
    const out = await shown()
    expect(out).toContain('The circuit of text is open for one user until 2026-11-23T12:00:01.000Z.')
    expect(out).toContain(
      'text has asked for no calls until 2026-11-23T14:00:00.000Z; it is tried at 2026-11-23T12:15:00.000Z.',
    )
  })
})

describe('models reset', () => {
  it('`models reset` closes the circuit and ends the pause, but keeps the counted calls, so the next calls do not exceed the rate limit', async () => {
    const calls = [{ from: NOON - 100, count: 7 }]
    const open = { until: NOON + 900_000, times: 4 }
    await set({ calls, open, paused_until: NOON + 3_000, probe: { id: 'p', since: NOON, until: NOON + 9 } })

    const done = await json('models reset text')

    expect(done).toEqual({ model: 'text', reset: true, held_until: '2026-11-23T12:15:00.000Z' })
    expect(await text()).toMatchObject({ circuit: { state: 'closed', failures: 0 }, rate_limit: { used: 7 } })
    expect(await modelStates.read('text')).toEqual({
      failures: [],
      calls,
      version: expect.any(Number),
      writer: expect.any(String),
    })
  })

  it('`models reset` prints the latest time at which deferred requests are redelivered, since their messages keep their delays', async () => {
    await set({ open: { until: NOON + 30_000, times: 1 } })

    expect((await sluice('models reset text')).out).toBe(
      'The failures of text are forgotten: it is called again, within a second.\nRequests that were put back come at their time, a few seconds after 2026-11-23T12:00:30.000Z at the latest.\n',
    )
    expect((await sluice('models reset text')).out).toBe('Nothing holds up the calls of text.\n')
  })

  it('`models reset` keeps a change that a worker writes to the model’s item during the reset', async () => {
    const open = { until: NOON + 30_000, times: 1 }
    await set({ open })
    const admin = adminOf(localTarget(system.local), () => NOON)
    let isFirst = true
    const write: ModelStateStore['write'] = async (model, next) => {
      if (isFirst) await set({ open: { ...open, times: 2 }, calls: [{ from: NOON, count: 1 }] })
      isFirst = false
      return admin.modelStates.write(model, next)
    }

    const done = await resetModel({ ...admin, modelStates: { ...admin.modelStates, write } }, 'text')

    expect(done).toMatchObject({ reset: true })
    const { open: still, calls } = (await modelStates.read('text')) ?? UNTOUCHED
    expect({ still, calls }).toEqual({ still: undefined, calls: [{ from: NOON, count: 1 }] })
  })

  it.each([
    ['a pause', { paused_until: NOON + 3_000 }],
    ['failures that nearly open the circuit', { failures: [NOON - 2, NOON - 1] }],
  ])('`models reset` removes %s from the model’s state', async (_, state) => {
    await set(state)

    expect(await json('models reset text')).toMatchObject({ reset: true })
    expect(await text()).toMatchObject({ circuit: { state: 'closed', failures: 0 } })
    expect(await text()).not.toHaveProperty('paused_until')
  })

  it('`models reset` changes nothing if the model is neither halted nor paused, and has no failures', async () => {
    await set({ paused_until: NOON, calls: [{ from: NOON, count: 20 }] })
    const before = await modelStates.read('text')

    expect(await json('models reset text')).toEqual({ model: 'text', reset: false })
    expect(await modelStates.read('text')).toEqual(before)
  })

  it('`models reset` refuses a model that does not exist', async () => {
    expect(await sluice('models reset constructor')).toEqual({
      code: 1,
      out: '',
      err: 'error: there is no model constructor: the models are text, plain\n',
    })
  })
})
