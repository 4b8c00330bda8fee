import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setUser } from '../../../lib/cli/operations/users.ts'
import { type ServedConsole, serveConsole } from '../../../lib/console/serve.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'
import { startStores } from '../cli/stores.ts'

let stores: Awaited<ReturnType<typeof startStores>>
let served: ServedConsole

beforeAll(async () => {
  stores = await startStores()
  served = await serveConsole({ admin: stores.admin, target: 'local', name: 'test', version: '1.2.3' }, 0)
}, 60_000)

afterAll(async () => {
  await served?.close()
  await stores?.close()
})

const at = () => new URL(served.url)
const token = () => at().searchParams.get('token') ?? ''

/** The fields of an answer that the tests read. */
interface Body {
  readonly parts: readonly object[]
  readonly requests: readonly { readonly request_id: string }[]
  readonly users: readonly object[]
  readonly dead_letters: readonly object[]
  readonly next?: string
}

async function call(path: string, body?: unknown, more: RequestInit = {}) {
  const response = await fetch(`${at().origin}/console/api${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token()}` },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...more,
  })
  return { status: response.status, body: (await response.json()) as Body }
}

const made = (more: object = {}) => anItem({ created_at: NOW, ...more })

describe('the operator API', () => {
  it('the operator API tells which system (local or on AWS) it operates', async () => {
    expect(await call('/system')).toMatchObject({
      status: 200,
      body: { target: 'local', name: 'test', version: '1.2.3', models: ['text', 'plain'], plans: ['free', 'pro'] },
    })
  })

  it('the operator API counts the waiting, running, ended and finally failed requests exactly', async () => {
    const [waiting, running, done, failed] = [made(), made(), made(), made()]
    for (const item of [waiting, running, done, failed]) await stores.admit(item)
    await stores.start(running)
    await stores.finish(done)
    await stores.fail(failed)

    const { body } = await call('/overview?span=15m')

    expect(body).toMatchObject({ now: { queued: 1, running: 1, dead_letters: 1 }, made: { completed: 1, failed: 1 } })
    expect(body.parts.at(-1)).toMatchObject({ made: 4, completed: 1, failed: 1 })
    expect(body.parts).toHaveLength(60)
    await stores.removeDeadLetters()
  })

  it('the operator API lists requests page by page, each request once', async () => {
    const user = 'paged'
    const items = [1, 2, 3].map(() => made({ user_id: user }))
    for (const item of items) await stores.admit(item)

    const first = await call(`/requests?user=${user}&limit=2`)
    const second = await call(`/requests?user=${user}&limit=2&before=${first.body.next}`)

    const ids = [...first.body.requests, ...second.body.requests].map(({ request_id }) => request_id)
    expect(ids.toSorted()).toEqual(items.map(({ request_id }) => request_id).toSorted())
    expect(second.body.next).toBeUndefined()
  })

  it('the operator API lists users with their used quota, page by page', async () => {
    for (const user of ['ann', 'bob']) await setUser(stores.admin, user, { plan: 'pro' })
    await stores.admit(made({ user_id: 'ann' }))

    const { body } = await call('/users?limit=1')
    const next = await call(`/users?limit=1&after=${body.next}`)

    expect(body).toMatchObject({
      users: [{ user: 'ann', plan: 'pro', used: { in_flight: { used: 1, limit: 400 } } }],
      total: 2,
      next: 'ann',
    })
    expect(next.body.users).toMatchObject([{ user: 'bob', used: { requests: { used: 0 } } }])
    expect(next.body.next).toBeUndefined()
  })

  describe('with a dead letter', () => {
    let id: string
    beforeEach(async () => {
      const item = made({ user_id: 'ann' })
      await stores.admit(item)
      await stores.fail(item)
      id = item.request_id
      return () => stores.removeDeadLetters()
    })

    it('the operator API shows the dead letter, and redrives it by its name', async () => {
      expect((await call('/dead-letters')).body).toMatchObject({ dead_letters: [{ name: id, reason: 'model_error' }] })

      expect(await call('/dead-letters/redrive', { names: [id] })).toMatchObject({
        body: { redriven: [{ request_id: id, run: 2 }], refused: [] },
      })
      expect((await call('/dead-letters')).body).toEqual({ dead_letters: [] })
    })

    it.each([{}, { all: false }, { names: [] }, { names: ['x'], model: 'text' }])(
      'the operator API refuses to redrive if the body does not clearly name dead letters: %j',
      async body => {
        expect(await call('/dead-letters/redrive', body)).toMatchObject({ status: 400 })
        expect((await call('/dead-letters')).body.dead_letters).toHaveLength(1)
      },
    )

    it('the operator API discards only the named dead letter', async () => {
      expect(await call('/dead-letters/discard', { names: ['other'] })).toMatchObject({ body: { discarded: [] } })
      expect(await call('/dead-letters/discard', { names: [id] })).toMatchObject({ body: { discarded: [id] } })
    })
  })

  it('the operator API answers 400 or 413 with the mistake if the query or the body of a call is invalid', async () => {
    expect(await call('/requests?limit=0')).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', details: [{ path: 'limit' }] },
    })
    expect(await call('/requests?since=yesterday')).toMatchObject({
      status: 400,
      body: { details: [{ path: 'since' }] },
    })
    expect(await call('/models/text/reset', '{')).toMatchObject({
      status: 400,
      body: { error: 'the body is not JSON' },
    })
    expect(await call('/requests', 'x'.repeat(5_000_001))).toMatchObject({ status: 413 })
  })

  it('the operator API answers 409 with the error sentence of the command line if an operation is refused', async () => {
    expect(await call('/models/picture/reset', {})).toMatchObject({
      status: 409,
      body: { error: 'there is no model picture: the models are text, plain', code: 'refused' },
    })
    expect(await call('/requests', { user: 'nobody', body: { prompt: 'hi' } })).toMatchObject({ status: 409 })
  })

  it('the operator API answers 404 for any other path, and 405 for any other method', async () => {
    expect(await call('/secrets')).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await call('/models', undefined, { method: 'DELETE' })).toMatchObject({ status: 405 })
    expect((await fetch(`${at().origin}/v1/inference`)).status).toBe(404)
  })
})
