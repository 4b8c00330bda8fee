import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { type ApiAnswer, type ApiClient, createApiClient } from '../e2e/support/api-client.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { internalsOfAnswer } from '../e2e/support/internals.ts'
import { answerJson, startTestModel, type TestModel, usualUsage } from '../e2e/support/model.ts'
import { runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

/** A text in all requests of the owner, and in the answers of their models. No answer to the stranger may contain this text. */
const MARK = 'xyzzy-plugh'
/** Both users use this Idempotency-Key. */
const KEY = 'order-1'

const STATES = ['queued', 'running', 'completed', 'large', 'failed', 'cancelled', 'keyed'] as const
type State = (typeof STATES)[number]

let model: TestModel
let system: RunningSystem
let owner: ApiClient & { readonly user: string }
let stranger: ApiClient & { readonly user: string }
let held: { release(): void }
const heard: string[] = []
const ids = new Map<State, string>()
const strangersIds: string[] = []

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('held.yaml'), MODEL_URL: model.url })
  owner = await system.newUser()
  stranger = await listenedTo()
  await makeOneOfEach()
}, 180_000)
afterAll(async () => {
  await system?.stop()
  await model?.close()
})

/** Creates a user. All answers to this user are collected in `heard`. */
async function listenedTo(): Promise<ApiClient & { readonly user: string }> {
  const user = `stranger-${randomUUID()}`
  await setUser(system.admin, user, {})
  const { created } = await createKey(system.admin, { user })
  return { user, ...createApiClient(system.apiUrl, created.key, heard) }
}

/** Makes a request of the owner in each state. The model `text` hangs, so some of its requests run and others wait. The model `other` answers at once. */
async function makeOneOfEach(): Promise<void> {
  const of = (prompt: string) => ({ prompt: `${MARK} ${prompt}`, model: 'other', metadata: { note: MARK } })
  model.on(of('large').prompt, answerJson({ result: { text: MARK, filler: 'x'.repeat(100_000) }, usage: usualUsage }))
  model.on(of('failed').prompt, answerJson({ error: MARK }, 400))
  for (const state of ['completed', 'large', 'failed'] as const) ids.set(state, await owner.submit(of(state)))
  ids.set('keyed', String((await owner.post(of('keyed'), { 'idempotency-key': KEY })).body.request_id))
  for (const state of ['completed', 'large', 'failed', 'keyed'] as const) await owner.ended(idOf(state))

  held = model.hold(`${MARK} hangs`)
  const hanging = await Promise.all(Array.from({ length: 12 }, () => owner.submit({ ...of('hangs'), model: 'text' })))
  const [running, queued, cancelled] = await eventually(async () => {
    const list = (await owner.send('GET', '/v1/inference?limit=100')).body.requests as {
      status: string
      request_id: string
    }[]
    const those = list.filter(({ request_id }) => hanging.includes(request_id))
    const waiting = those.filter(({ status }) => status === 'queued').map(({ request_id }) => request_id)
    const run = those.filter(({ status }) => status === 'running').map(({ request_id }) => request_id)
    expect(run.length).toBeGreaterThan(0)
    expect(waiting.length).toBeGreaterThan(1)
    return [run[0], waiting[0], waiting[1]] as string[]
  })
  ids.set('running', String(running)).set('queued', String(queued)).set('cancelled', String(cancelled))
  await owner.send('DELETE', `/v1/inference/${cancelled}`)
  await owner.ended(idOf('cancelled'))

  strangersIds.push(await stranger.submit({ prompt: 'my own', model: 'other' }))
  await stranger.ended(String(strangersIds[0]))
}

const idOf = (state: State): string => {
  const id = ids.get(state)
  if (id === undefined) throw new Error(`there is no request that is ${state}`)
  return id
}

/** The parts of an answer that could show whether a request exists: all parts except the time of the answer. */
function tellingPart({ status, headers, body }: ApiAnswer) {
  const { date: _, ...telling } = headers
  return { status, headers: telling, body: JSON.stringify(body) }
}

const everyByte = (text: string) => Buffer.from(text).toString('hex').replace(/../g, '%$&')

/** Ways to write the path of another user's request. Each must be answered with the same 404 as the path of an unknown id. */
const PATHS: readonly (readonly [name: string, path: (id: string, user: string) => string])[] = [
  ['unchanged', id => `/v1/inference/${id}`],
  ['with a wait', id => `/v1/inference/${id}?wait=1`],
  ['in capital letters', id => `/v1/inference/${id.toUpperCase()}`],
  ['with every byte encoded', id => `/v1/inference/${everyByte(id)}`],
  ['with a slash behind', id => `/v1/inference/${id}/`],
  ['with a path behind', id => `/v1/inference/${id}/result`],
  ['with an encoded slash behind', id => `/v1/inference/${id}%2f`],
  ['with a space behind', id => `/v1/inference/${id}%20`],
  ['with a space before', id => `/v1/inference/%20${id}`],
  ['with U+0000 behind', id => `/v1/inference/${id}%00`],
  ['with a line end behind', id => `/v1/inference/${id}%0a`],
  ['with a matrix parameter', id => `/v1/inference/${id};a=b`],
  ['in braces', id => `/v1/inference/%7b${id}%7d`],
  ['as a URN', id => `/v1/inference/urn:uuid:${id}`],
  ['without its dashes', id => `/v1/inference/${id.replaceAll('-', '')}`],
  ['after its user', (id, user) => `/v1/inference/${user}%2f${id}`],
  ['after its user, as in a key of the table', (id, user) => `/v1/inference/${user}%23${id}`],
  ['with its user as a parameter', (id, user) => `/v1/inference/${id}?user_id=${user}`],
  ["on the old pipeline's path", id => `/generate/${id}`],
  ["on the old pipeline's other path", id => `/api/v1/inference/${id}`],
]

describe("another user's request in any state", () => {
  test.for(PATHS)('is answered like a request that does not exist (id in the path: %s)', async ([, path]) => {
    for (const method of ['GET', 'DELETE']) {
      const ask = (id: string) => stranger.send(method, path(id, owner.user))
      const [unknown, ...anothers] = await Promise.all([randomUUID(), ...STATES.map(idOf)].map(ask))

      expect(unknown).toMatchObject({ status: 404, body: { status: 'error', code: 'not_found' } })
      expect(anothers.map(tellingPart)).toEqual(STATES.map(() => unknown && tellingPart(unknown)))
    }
  })
})

/** Queries of a list. Their cursors are ids, other sort keys of the table, or nonsense. Some queries have other parameters. */
const CURSORS: readonly (readonly [name: string, query: (user: string) => string, status: number])[] = [
  ['an id of the other user', () => `cursor=${idOf('completed')}`, 200],
  ['an id of the other user in capital letters', () => `cursor=${idOf('completed').toUpperCase()}`, 200],
  ['the highest id', () => 'cursor=ffffffff-ffff-ffff-ffff-ffffffffffff', 200],
  ['the lowest id', () => 'cursor=00000000-0000-0000-0000-000000000000', 200],
  ['the other user', user => `user_id=${user}&user=${user}`, 200],
  ['the largest page', () => 'limit=100', 200],
  ['a limit in another notation', () => 'limit=1e2', 200],
  ...['queued', 'running', 'completed', 'failed', 'cancelled', 'expired'].map(
    status => [`the status ${status}`, () => `status=${status}`, 200] as const,
  ),
  ['the status of tombstones', () => 'status=rejected', 400],
  ['an empty cursor', () => 'cursor=', 400],
  ['a cursor after all ids', () => 'cursor=z', 400],
  ['the sort key of an idempotency key', () => `cursor=key%23${createHash('sha256').update(KEY).digest('hex')}`, 400],
  ['the sort key of an input', () => 'cursor=key%23input%23', 400],
  ['two cursors', () => `cursor=${idOf('completed')}&cursor=${idOf('failed')}`, 400],
  ['a cursor with U+0000', () => `cursor=${idOf('completed')}%00`, 400],
  ['a cursor beyond ASCII', () => 'cursor=%F0%9F%99%82', 400],
  ['a cursor that is not UTF-8', () => 'cursor=%ff', 400],
  ['a cursor with its user', user => `cursor=${user}%23${idOf('completed')}`, 400],
  ['a cursor that is JSON', () => 'cursor=%7B%22request_id%22%3A%22a%22%7D', 400],
  ['a limit of zero', () => 'limit=0', 400],
  ['a limit over the maximum', () => 'limit=101', 400],
  ['an infinite limit', () => 'limit=Infinity', 400],
  ['an empty limit', () => 'limit=', 400],
]

describe('a list of requests', () => {
  test.for(CURSORS)('contains no request of another user if its query has %s', async ([, query, status]) => {
    const answer = await stranger.send('GET', `/v1/inference?${query(owner.user)}`)

    expect(answer.status).toBe(status)
    if (status === 400) expect(answer.body).toMatchObject({ status: 'error', code: 'invalid_request' })
    const listed = (answer.body.requests ?? []) as { request_id: string }[]
    expect(strangersIds).toEqual(expect.arrayContaining(listed.map(({ request_id }) => request_id)))
  })
})

describe('an Idempotency-Key of another user', () => {
  test.for(['/v1/inference', '/generate', '/api/v1/inference'])(
    'a user may use the same Idempotency-Key as another user with any body, and gets a request of its own (%s)',
    async path => {
      const newcomer = await listenedTo()
      const headers = { 'idempotency-key': KEY }

      const answer = await newcomer.send('POST', path, JSON.stringify({ prompt: 'mine', model: 'other' }), headers)

      expect(answer).toMatchObject({ status: 202 })
      expect([...ids.values()]).not.toContain(answer.body.request_id)
      expect(await newcomer.quota()).toMatchObject({ requests: { used: 1 } })
    },
  )
})

test("the owner's requests and quota are unchanged after all these tests", async () => {
  const { requests, in_flight } = await owner.quota()
  expect({ requests: requests.used, in_flight: in_flight.used }).toEqual({ requests: 15, in_flight: 11 })
  const statusOf = async (state: State) => (await owner.send('GET', `/v1/inference/${idOf(state)}`)).body.status
  expect(await Promise.all(STATES.map(statusOf))).toEqual([
    'queued',
    'running',
    'completed',
    'completed',
    'failed',
    'cancelled',
    'completed',
  ])

  held.release()

  for (const state of ['queued', 'running'] as const)
    expect(await owner.ended(idOf(state))).toMatchObject({ status: 'completed', attempts: 1, metadata: { note: MARK } })
  await owner.settledQuota()
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
})

test('no answer to the stranger contained data of the owner or internal names', () => {
  expect(heard.length).toBeGreaterThan(2 * STATES.length * PATHS.length)
  expect(heard.filter(answer => answer.includes(MARK) || answer.includes(owner.user))).toEqual([])
  expect(heard.flatMap(answer => internalsOfAnswer(system, answer))).toEqual([])
})
