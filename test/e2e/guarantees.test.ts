import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { deadLetters, ledgerRows } from './support/ledger.ts'
import { answerJson, answerText, startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { jsonOfSluice, runSluice } from './support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('one-model.yaml'), MODEL_URL: model.url })
})
afterAll(async () => {
  await system?.stop()
  await model?.close()
})

const callsOf = (input: string) => model.calls.filter(({ body }) => body.input === input).length

describe('Idempotency-Keys', () => {
  test('50 simultaneous posts with the same Idempotency-Key become one request, with one charge and one call to the model', async () => {
    const client = await system.newUser()
    const headers = { 'idempotency-key': 'order-1' }

    const answers = await Promise.all(Array.from({ length: 50 }, () => client.post({ prompt: 'keyed' }, headers)))

    expect(answers.every(({ status }) => status === 202)).toBe(true)
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(await client.ended(String(answers[0]?.body.request_id))).toMatchObject({ status: 'completed', attempts: 1 })
    expect(await client.settledQuota()).toMatchObject({
      requests: { used: 1 },
      tokens: { used: usualUsage.total_tokens },
    })
    expect(callsOf('keyed')).toBe(1)
  })

  test('a post with a used Idempotency-Key gets the same answer after the end of its request, and a 422 if the body is another one', async () => {
    const client = await system.newUser()
    const headers = { 'idempotency-key': 'order-2' }
    const first = await client.post({ prompt: 'once' }, headers)
    await client.ended(String(first.body.request_id))

    expect((await client.post({ prompt: 'once' }, headers)).body).toEqual(first.body)
    expect(await client.post({ prompt: 'twice' }, headers)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch', status: 'error' },
    })
  })

  test.each(['', 'x'.repeat(256)])('a post is refused if its Idempotency-Key is empty or too long (%#)', async key => {
    const client = await system.newUser()

    expect(await client.post({ prompt: 'p' }, { 'idempotency-key': key })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    })
  })
})

describe('calls that wait for the end of a request', () => {
  test('a waiting post is answered with the ended request if the request ends within the wait', async () => {
    const client = await system.newUser()

    const { status, headers, body } = await client.post({ prompt: 'quick' }, { prefer: 'wait=20' })

    expect(status).toBe(200)
    expect(headers['preference-applied']).toBe('wait=20')
    expect(body).toMatchObject({ status: 'completed', result: { echo: 'quick' }, usage: usualUsage })
  })

  test('a waiting post is answered with 202 if the request does not end within the wait', async () => {
    const client = await system.newUser()
    const held = model.hold('slow')

    const { status, headers, body } = await client.post({ prompt: 'slow' }, { prefer: 'wait=1' })
    const read = await client.send('GET', `/v1/inference/${body.request_id}?wait=1`)
    held.release()

    expect(status).toBe(202)
    expect(headers).not.toHaveProperty('preference-applied')
    expect(read.body.status).toBe('running')
    expect(await client.send('GET', `/v1/inference/${body.request_id}?wait=20`)).toMatchObject({
      body: { status: 'completed' },
    })
  })

  test.each(['26', '-1', 'soon'])('a call is refused if its wait is %s', async wait => {
    const client = await system.newUser()
    const id = await client.submit({ prompt: 'p' })

    expect(await client.send('GET', `/v1/inference/${id}?wait=${wait}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', details: [{ path: 'wait' }] },
    })
  })
})

describe('cancellations', () => {
  test('DELETE of a running request discards its result, and charges the tokens that the model reported', async () => {
    const client = await system.newUser()
    const held = model.hold('cancelled in mid-call')
    const id = await client.submit({ prompt: 'cancelled in mid-call' })
    await eventually(() => expect(callsOf('cancelled in mid-call')).toBe(1))

    const asked = await client.send('DELETE', `/v1/inference/${id}`)
    held.release()

    expect(asked).toMatchObject({ status: 200, body: { request_id: id, status: 'running' } })
    const ended = await client.ended(id)
    expect(ended).toMatchObject({ status: 'cancelled' })
    expect(ended).not.toHaveProperty('result')
    expect(await client.settledQuota()).toMatchObject({ requests: { used: 1 }, tokens: { used: 7 } })
    await eventually(async () =>
      expect(await ledgerRows(system, client.user)).toMatchObject([{ status: 'cancelled', result: null }]),
    )
    expect(await client.send('DELETE', `/v1/inference/${id}`)).toMatchObject({
      status: 409,
      body: { request_id: id, status: 'cancelled', code: 'already_ended', error: expect.stringContaining('ended') },
    })
  })

  test('DELETE of a queued request charges nothing, and the model is not called', async () => {
    const client = await system.newUser({ in_flight: 100 })
    const held = model.hold('in the way')
    // The concurrency of the model is less than 40. So the request that comes after these 40 requests waits in the queue. With RabbitMQ, only one
    // invocation of the worker runs at a time, and it may have only one of the 40.
    await Promise.all(Array.from({ length: 40 }, () => client.submit({ prompt: 'in the way' })))
    await eventually(() => expect(callsOf('in the way')).toBeGreaterThan(0))
    const id = await client.submit({ prompt: 'never run' })

    const asked = await client.send('DELETE', `/v1/inference/${id}`)
    const { requests } = await client.quota()
    held.release()

    expect(asked).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    expect(requests.used).toBe(40)
    await client.settledQuota()
    expect(callsOf('never run')).toBe(0)
  })

  test('DELETE of another user’s request is answered with 404, and changes nothing', async () => {
    const [owner, stranger] = [await system.newUser(), await system.newUser()]
    const id = await owner.submit({ prompt: 'mine' })

    expect(await stranger.send('DELETE', `/v1/inference/${id}`)).toMatchObject({ status: 404 })
    expect(await owner.ended(id)).toMatchObject({ status: 'completed' })
  })
})

test('GET /v1/inference lists the caller’s own requests in pages, newest first', async () => {
  const [client, other] = [await system.newUser(), await system.newUser()]
  await other.submit({ prompt: 'not yours' })
  const ids: string[] = []
  for (const prompt of ['one', 'two', 'three']) ids.unshift(await client.submit({ prompt }))
  for (const id of ids) await client.ended(id)

  const first = await client.send('GET', '/v1/inference?limit=2')
  const rest = await client.send('GET', `/v1/inference?limit=2&cursor=${first.body.next_cursor}`)

  const listed = [first, rest].flatMap(({ body }) => body.requests as { request_id: string; status: string }[])
  expect(listed.map(({ request_id }) => request_id)).toEqual(ids)
  expect(listed.every(({ status }) => status === 'completed')).toBe(true)
  expect(rest.body).not.toHaveProperty('next_cursor')
  expect(await client.send('GET', '/v1/inference?status=failed')).toMatchObject({ body: { requests: [] } })
})

describe('dead letters', () => {
  interface Listed {
    readonly request_id: string
    readonly reason: string
  }
  const list = () => jsonOfSluice<Listed[]>(system, 'dead-letters', 'list')

  test('a dead letter is listed and redriven, and its request completes under the same id and is charged for the successful call', async () => {
    const client = await system.newUser()
    model.on('fails at first', answerText('oops', 400))
    const id = await client.submit({ prompt: 'fails at first' })
    expect(await client.ended(id)).toMatchObject({ status: 'failed', error: { code: 'model_rejected' } })
    await eventually(async () =>
      expect(await list()).toContainEqual({
        request_id: id,
        model: 'text',
        reason: 'model_rejected',
        attempts: 1,
        at: expect.any(String),
      }),
    )

    model.on('fails at first', answerJson({ result: 'at last', usage: usualUsage }))
    const { code } = await runSluice(system, 'dead-letters', 'redrive', id)

    expect(code).toBe(0)
    const completed = await eventually(async () => {
      const { body } = await client.send('GET', `/v1/inference/${id}`)
      expect(body.status).toBe('completed')
      return body
    })
    expect(completed).toMatchObject({ result: 'at last', usage: usualUsage })
    expect(completed).not.toHaveProperty('error')
    expect(await client.settledQuota()).toMatchObject({ requests: { used: 1 }, tokens: { used: 7 } })
    expect(await ledgerRows(system, client.user)).toMatchObject([{ status: 'completed', run: 2, error: null }])
    expect((await list()).map(({ request_id }) => request_id)).not.toContain(id)
  })

  test('a dead letter can be discarded, and its request stays failed', async () => {
    const client = await system.newUser()
    model.on('fails for good', answerText('oops', 400))
    const id = await client.submit({ prompt: 'fails for good' })
    await eventually(async () => expect(await deadLetters(system, client.user)).toHaveLength(1))

    expect((await runSluice(system, 'dead-letters', 'discard', id)).code).toBe(0)

    expect(await deadLetters(system, client.user)).toEqual([])
    expect(await client.ended(id)).toMatchObject({ status: 'failed' })
  })
})

test('`sluice reconcile` finds no difference between the stores after these tests', async () => {
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
})
