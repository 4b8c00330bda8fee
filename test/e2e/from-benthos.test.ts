import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import type { ApiClient } from './support/api-client.ts'
import { eventually } from './support/eventually.ts'
import { inputQueues } from './support/input-queues.ts'
import { ledgerRows } from './support/ledger.ts'
import { createOldPipeline, requestsLimit, requestsUsed } from './support/old-pipeline.ts'
import { PREDICT_USAGE, type PredictEndpoint, startPredictEndpoint } from './support/predict-endpoint.ts'
import { jsonOfSluice } from './support/sluice.ts'
import { projectFolder, type RunningSystem, startSystem } from './support/system.ts'

/*
 * Runs the pipeline.yaml of docs/from-benthos.md. Each test checks one pattern of the old pipeline that this page describes. The test of
 * the circuit breaker must be the last test, because it stops the calls to the model `text`.
 */

type Json = Record<string, unknown>

let endpoint: PredictEndpoint
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startPredictEndpoint()
  system = await startSystem({
    SLUICE_CONFIG: join(projectFolder, 'docs', 'from-benthos', 'pipeline.yaml'),
    TEXT_MODEL_URL: `${endpoint.url}/predict`,
    IMAGE_MODEL_URL: `${endpoint.url}/image`,
    IMAGE_CALLS: '2',
    GENERAL_MODEL_URL: `${endpoint.url}/batch_predict`,
  })
})
afterAll(async () => {
  await system?.stop()
  await endpoint?.close()
})

/** The estimate of the old pipeline in tokens. */
const estimateOf = (prompt: string) => Math.ceil(prompt.length / 4) * 2

const statusOf = async (client: ApiClient, requestId: unknown) =>
  (await client.send('GET', `/v1/inference/${requestId}`)).body.status

const rowOf = async (user: string, requestId: unknown) =>
  (await ledgerRows(system, user)).find(row => row.request_id === requestId)

describe('a client of the old gateway', () => {
  test.for(['/generate', '/api/v1/inference'])(
    'a client of the old gateway gets the three fields of the old answer at the path %s',
    async path => {
      const client = await system.newUser()

      const answer = await client.send('POST', path, JSON.stringify({ prompt: 'The lighthouse', model_type: 'text' }))

      expect(answer).toMatchObject({
        status: 202,
        body: { request_id: expect.any(String), status: 'queued', estimated_tokens: estimateOf('The lighthouse') },
      })
      await client.ended(String(answer.body.request_id))
    },
  )

  test.for([
    ['request', { requests: 1 }, { error: 'request quota exceeded', requests: { used: 1, limit: 1 } }],
    ['token', { tokens: 10 }, { error: 'token quota exceeded', tokens: { used: 7, limit: 10, estimated: 4 } }],
  ] as const)(
    'a client of the old gateway gets the fields of the old answer to a request over the %s quota',
    async ([, limits, expected]) => {
      const client = await system.newUser()
      await setUser(system.admin, client.user, limits)
      await client.ended(await client.submit({ prompt: 'first', model_type: 'text' }))
      await client.settledQuota()

      const { status, body } = await client.send('POST', '/generate', '{"prompt":"second","model_type":"text"}')

      expect(status).toBe(429)
      expect(body).toMatchObject({ status: 'error', ...expected })
      expect(body).toMatchObject({ requests: { used: 1 }, tokens: { used: 7, estimated: 4 } })
    },
  )

  test('a client of the old gateway finds the old columns in the row of a request, and finds the tokens that the model reported in the quota', async () => {
    const client = await system.newUser()

    const id = await client.submit({ prompt: 'A row', model_type: 'text' })

    expect(await client.ended(id)).toMatchObject({ status: 'completed', usage: PREDICT_USAGE })
    expect(await rowOf(client.user, id)).toMatchObject({
      user_id: client.user,
      prompt: 'A row',
      estimated_tokens: estimateOf('A row'),
      status: 'completed',
      ...PREDICT_USAGE,
      result: { label: 'A row' },
    })
    expect((await client.settledQuota()).tokens).toMatchObject({ used: PREDICT_USAGE.total_tokens, reserved: 0 })
  })
})

describe('the worker of the old pipeline', () => {
  test('calls the model with the body that the old mapping made', async () => {
    const client = await system.newUser()
    const parameters = { temperature: 0.5 }

    await client.ended(await client.submit({ prompt: 'Worker', model_type: 'text', parameters }))

    const calls = endpoint
      .calls('/predict')
      .filter(({ body }) => 'model_input' in body && body.model_input === 'Worker')
    expect(calls).toMatchObject([
      { body: { model_input: 'Worker', parameters }, headers: { 'content-type': 'application/json' } },
    ])
  })
})

describe('the error handling of the old pipeline', () => {
  test('a request that the model refuses becomes a dead letter, and runs when an operator redrives it', async () => {
    const client = await system.newUser()
    endpoint.answer('Refused', 400)
    const id = await client.submit({ prompt: 'Refused', model_type: 'text' })
    expect(await client.ended(id)).toMatchObject({ status: 'failed', attempts: 1, error: { status: 400 } })
    const letters = await jsonOfSluice<Json[]>(system, 'dead-letters', 'list')
    expect(letters).toContainEqual(expect.objectContaining({ request_id: id, model: 'text', attempts: 1 }))

    endpoint.answer('Refused', 200)
    await jsonOfSluice(system, 'dead-letters', 'redrive', `${id}:1`)

    await eventually(async () => expect(await rowOf(client.user, id)).toMatchObject({ status: 'completed', run: 2 }))
  })
})

describe('the rate limiting of the old pipeline', () => {
  test('the rate limit allows the configured number of calls per interval, and defers the next request', async () => {
    const client = await system.newUser()
    const post = (prompt: string) => client.submit({ prompt, model_type: 'image' })

    const ids = [await post('Image 1'), await post('Image 2'), await post('Image 3')]

    await eventually(async () => {
      const models = await jsonOfSluice<Json[]>(system, 'models', 'list')
      expect(models).toContainEqual(
        expect.objectContaining({ model: 'image', rate_limit: expect.objectContaining({ used: 2, count: 2 }) }),
      )
      const statuses = await Promise.all(ids.map(id => statusOf(client, id)))
      expect(statuses).toEqual(expect.arrayContaining(['completed', 'queued']))
    })
    expect(endpoint.calls('/image').length).toBeLessThanOrEqual(2)
    for (const id of ids) await client.send('DELETE', `/v1/inference/${id}`)
  })
})

describe('the dynamic routing of the old pipeline', () => {
  test.for([
    ['text', 'text'],
    ['image', 'image'],
    ['sound', 'general'],
    [undefined, 'general'],
  ])('sends the model_type %s to the model %s', async ([modelType, model]) => {
    const client = await system.newUser()

    const { body } = await client.post({ prompt: 'Where?', model_type: modelType })

    expect(body).toMatchObject({ status: 'queued', model })
    await client.send('DELETE', `/v1/inference/${body.request_id}`)
  })
})

describe('the batch processing of the old pipeline', () => {
  test('requests that arrive together are in one call, and each request gets its own result', async () => {
    const client = await system.newUser()
    const prompts = Array.from({ length: 8 }, (_, i) => `Batch ${i}`)

    const ids = await Promise.all(prompts.map(prompt => client.submit({ prompt })))

    const ended = await Promise.all(ids.map(client.ended))
    expect(ended.map(({ result }) => result)).toEqual(prompts.map(label => ({ label })))
    const batches = endpoint.calls('/batch_predict').map(({ body }) => ('inputs' in body ? body.inputs : []))
    const sizes = batches.map(inputs => inputs.filter(({ model_input }) => model_input.startsWith('Batch')).length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(8)
    expect(Math.max(...sizes)).toBeGreaterThan(1)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10)
  })
})

describe('the inputs of the old pipeline', () => {
  test('requests from HTTP and from a queue use the same quota, models and table', async () => {
    const client = await system.newUser()
    const queues = await inputQueues(system)
    const message = { request_id: 'old-1', user_id: client.user, prompt: 'From a queue', model_type: 'text' }

    await queues.send('inference_requests', JSON.stringify(message))
    const posted = await client.submit({ prompt: 'From HTTP', model_type: 'text' })

    await client.ended(posted)
    await eventually(async () => {
      const rows = await ledgerRows(system, client.user)
      expect(rows.map(({ prompt, status }) => [prompt, status])).toEqual(
        expect.arrayContaining([
          ['From a queue', 'completed'],
          ['From HTTP', 'completed'],
        ]),
      )
      // Sluice makes a new request id and ignores the id of the message, because two producers may choose the same id.
      expect(rows.map(row => row.request_id)).not.toContain('old-1')
    })
    expect((await client.settledQuota()).requests.used).toBe(2)
    await queues.close()
  })
})

describe('the observability of the old pipeline', () => {
  const lines = () =>
    system
      .functionLogs()
      .split('\n')
      .flatMap(line => (line.startsWith('{') ? [JSON.parse(line) as Json] : []))

  test('log lines are JSON with a level, a time and the fixed fields that pipeline.yaml sets', async () => {
    await eventually(() => {
      const ended = lines().find(line => line.level === 'INFO' && line.request_id !== undefined)
      expect(ended).toMatchObject({
        level: 'INFO',
        timestamp: expect.any(String),
        component: 'inference',
        environment: 'production',
      })
    })
  })

  test('metrics are in the namespace that pipeline.yaml sets', async () => {
    await eventually(() => {
      const metrics = lines().filter(line => JSON.stringify(line._aws ?? '').includes('"Namespace":"Inference"'))
      expect(metrics.flatMap(line => Object.keys(line))).toEqual(expect.arrayContaining(['CompletedRequests']))
    })
  })
})

describe('a switch-over without downtime', () => {
  /** The number of requests that the user may post per day to the old and the new system together. */
  const Limit = 20

  test('the limit of a user holds for the old and the new system together, and no request is lost', async () => {
    const old = createOldPipeline()
    const client = await system.newUser()
    const oldUser = 'u42'
    const accepted: { old: number; new: string[] } = { old: 0, new: [] }
    const setOldLimit = (limit: number) => void old.redis.set(requestsLimit(oldUser), limit)
    /** Posts like an instance of the client that has the old address and the old key. */
    const postOld = (): number => {
      const { status } = old.generate(`${oldUser}-secret`, { prompt: 'Switch over' })
      if (status === 200) accepted.old++
      return status
    }
    /** Posts like an instance of the client that has the new address and the new key. */
    const postNew = async (instance: Pick<typeof client, 'post'> = client): Promise<number> => {
      const { status, body } = await instance.post({ prompt: 'Switch over', model_type: 'text' })
      if (status === 202) accepted.new.push(String(body.request_id))
      return status
    }
    setOldLimit(Limit)
    const before = [postOld(), postOld(), postOld(), postOld(), postOld(), postOld()]

    // The quota is divided. The old limit is lowered before the new system gets its part, so that the sum is never over the limit.
    setOldLimit(12)
    await setUser(system.admin, client.user, { requests: Limit - 12 })
    // Some instances of the client already call the new system, and others still call the old one.
    const during = [postOld(), await postNew(), postOld(), await postNew(), postOld(), await postNew()]
    while ((await postNew()) === 202);
    expect(accepted.new).toHaveLength(Limit - 12)

    // All instances call the new system. The old limit is set to its used part before the new system gets the rest, so that nothing is counted twice.
    const oldUsed = old.redis.get(requestsUsed(oldUser)) ?? 0
    setOldLimit(oldUsed)
    await setUser(system.admin, client.user, { requests: Limit - oldUsed })
    // The authorizer remembers the limits of a key's user for up to a minute. The client gets another key, so that the new limit applies at once.
    const { created } = await createKey(system.admin, { user: client.user })
    const moved = system.client(created.key)
    while ((await postNew(moved)) === 202);
    await old.work(`${endpoint.url}/predict`)

    expect([...before, ...during]).toEqual([200, 200, 200, 200, 200, 200, 200, 202, 200, 202, 200, 202])
    expect(postOld()).toBe(429)
    expect(accepted.old + accepted.new.length).toBe(Limit)
    expect([...old.table.values()].map(({ status }) => status)).toEqual(Array(accepted.old).fill('completed'))
    const ended = await Promise.all(accepted.new.map(moved.ended))
    expect(ended.map(({ status }) => status)).toEqual(Array(accepted.new.length).fill('completed'))
    const rows = await ledgerRows(system, client.user)
    expect(rows.map(row => row.request_id)).toEqual(accepted.new.toSorted())
  })
})

describe('the circuit breaker of the old pipeline', () => {
  test('the circuit breaker stops the calls to a model that is down, and the requests run when the model works again', async () => {
    const clients = [await system.newUser(), await system.newUser()]
    endpoint.answer('Down', 503)

    const posts: { client: ApiClient; id: string }[] = []
    for (const prompt of ['Down 1', 'Down 2', 'Down 3', 'Down 4'])
      for (const client of clients) posts.push({ client, id: await client.submit({ prompt, model_type: 'text' }) })

    const circuitOfText = async () =>
      (await jsonOfSluice<{ model: string; circuit: Json }[]>(system, 'models', 'list')).find(
        ({ model }) => model === 'text',
      )?.circuit
    await eventually(async () => expect(await circuitOfText()).toMatchObject({ state: 'open' }))

    endpoint.answer('Down', 200)
    await jsonOfSluice(system, 'models', 'reset', 'text')

    // The open circuit has deferred the requests by up to 30 s, to the time of the next probe.
    const statuses = () => Promise.all(posts.map(({ client, id }) => statusOf(client, id)))
    await eventually(async () => expect(await statuses()).toEqual(posts.map(() => 'completed')), { timeout: 90_000 })
  })
})
