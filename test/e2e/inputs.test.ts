import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { QUEUE_BACKEND } from '../support/queue-backend.ts'
import { eventually } from './support/eventually.ts'
import { type InputQueues, inputQueues } from './support/input-queues.ts'
import { startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { jsonOfSluice, runSluice } from './support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let model: TestModel
let system: RunningSystem
let queues: InputQueues

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('inputs.yaml'), MODEL_URL: model.url })
  queues = await inputQueues(system)
})
afterAll(async () => {
  await queues?.close()
  await system?.stop()
  await model?.close()
})

/** Sends a message to an input queue, and resolves to the id of the message. */
const send = (body: object | string, queue = 'nightly-prompts'): Promise<string> =>
  queues.send(queue, typeof body === 'string' ? body : JSON.stringify(body))

type Json = Record<string, unknown>
const requestsOf = async (client: { send(method: string, path: string): Promise<{ body: Json }> }) =>
  (await client.send('GET', '/v1/inference')).body.requests as Json[]

const deadLetters = () => jsonOfSluice<Json[]>(system, 'dead-letters', 'list')
const letterOf = (messageId: string) =>
  eventually(async () => {
    const letter = (await deadLetters()).find(({ id }) => String(id).endsWith(messageId))
    expect(letter).toBeDefined()
    return letter as Json
  })
const messageOf = ({ id }: Json) => system.admin.deadLetters.message(String(id))

describe('messages of input queues', () => {
  test.each(['nightly-prompts', 'reports'])(
    'a message of an input queue runs like a request that was posted (queue %s)',
    async queue => {
      const client = await system.newUser()

      await send({ user_id: client.user, prompt: 'from a queue', metadata: { ticket: 7 } }, queue)

      const [request] = await eventually(async () => {
        const requests = await requestsOf(client)
        expect(requests).toMatchObject([{ status: 'completed' }])
        return requests
      })
      expect(await client.ended(String(request?.request_id))).toMatchObject({
        result: { echo: 'from a queue' },
        usage: usualUsage,
        metadata: { ticket: 7 },
      })
      expect(model.calls.filter(({ body }) => body.user === client.user)).toHaveLength(1)
      expect(await client.settledQuota()).toMatchObject({
        requests: { used: 1 },
        tokens: { used: usualUsage.total_tokens },
      })
    },
  )

  test('a message of an input queue goes to the model that routing chooses', async () => {
    const client = await system.newUser()

    await send({ user_id: client.user, prompt: 'a picture', model_type: 'image' })

    await eventually(async () => {
      const requests = await jsonOfSluice<Json[]>(system, 'requests', 'list', '--user', client.user)
      expect(requests).toMatchObject([{ status: 'completed', model: 'image' }])
    })
  })

  test('a message of an input queue may be large, and may contain any text', async () => {
    const client = await system.newUser()
    const prompt = `${'word '.repeat(30_000)}é\u2028"\\`

    await send({ user_id: client.user, prompt })

    await eventually(async () => expect(await requestsOf(client)).toMatchObject([{ status: 'completed' }]))
    expect(model.calls.filter(({ body }) => body.user === client.user)).toMatchObject([{ body: { input: prompt } }])
  })
})

describe('refused messages', () => {
  test('a message that the quota refuses becomes a dead letter with the body of the 429, and runs when an operator redrives it', async () => {
    const client = await system.newUser({ plan: 'free' })
    const body = { user_id: client.user, prompt: 'one too many' }
    await send({ ...body, prompt: 'first' })
    await send({ ...body, prompt: 'second' })
    await eventually(async () => expect((await client.quota()).requests.used).toBe(2))
    await client.settledQuota()

    const letter = await letterOf(await send(body))

    const posted = await client.post({ prompt: 'one too many' })
    expect(posted.status).toBe(429)
    expect(letter).toMatchObject({ request_id: null, model: null, reason: 'quota_exceeded', attempts: 0 })
    expect(await messageOf(letter)).toMatchObject({
      queue: 'nightly-prompts',
      body: { inline: JSON.stringify(body) },
      refusal: posted.body,
    })
    expect(posted.body).toMatchObject({ requests: { used: 2, limit: 2 }, tokens: { limit: 100_000 } })

    await jsonOfSluice(system, 'users', 'set', client.user, '--requests', '3')
    expect(await jsonOfSluice(system, 'dead-letters', 'redrive', String(letter.id))).toEqual({
      redriven: [{ id: letter.id, queue: 'nightly-prompts' }],
      refused: [],
    })

    await eventually(async () => {
      const requests = await requestsOf(client)
      expect(requests.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
    })
    expect(await deadLetters()).not.toContainEqual(expect.objectContaining({ id: letter.id }))
  })

  test('a message that is refused because its user is unknown becomes a dead letter, and runs when the user exists and an operator redrives it', async () => {
    const user = `stranger-${randomUUID()}`
    const letter = await letterOf(await send({ user_id: user, prompt: 'unknown' }))

    expect(letter).toMatchObject({ request_id: null, model: null, reason: 'unknown_user', attempts: 0 })
    expect(await jsonOfSluice(system, 'requests', 'list', '--user', user)).toEqual([])

    await jsonOfSluice(system, 'users', 'set', user, '--plan', 'free')
    await jsonOfSluice(system, 'dead-letters', 'redrive', String(letter.id))

    await eventually(async () => {
      const requests = await jsonOfSluice<Json[]>(system, 'requests', 'list', '--user', user)
      expect(requests).toMatchObject([{ status: 'completed' }])
    })
  })

  test.each([
    ['is not JSON', 'secret words', 'invalid_request'],
    ['has no user', '{"prompt":"secret words"}', 'invalid_request'],
    ['names an unknown model', { user_id: 'demo', prompt: 'secret words', model: 'gone' }, 'unknown_model'],
    ['asks for too much', { user_id: 'demo', prompt: 'secret words', priority: 'high' }, 'priority_not_allowed'],
    ['is large and not JSON', `secret words ${'x'.repeat(200_000)}`, 'invalid_request'],
  ])(
    'a message that is refused because it %s becomes a dead letter that can be discarded, and none of its text is logged',
    async (_, body, code) => {
      const letter = await letterOf(await send(body))

      expect(letter).toMatchObject({ reason: code })
      expect(await messageOf(letter)).toMatchObject({ refusal: { status: 'error', code, error: expect.any(String) } })
      expect((await runSluice(system, 'dead-letters', 'discard', String(letter.id))).code).toBe(0)
      expect(system.functionLogs()).not.toContain('secret words')
    },
  )

  test('no refused message stays in its queue, and `sluice reconcile` finds no difference between the stores', async () => {
    for (const queue of ['nightly-prompts', 'nightly-prompts-dlq', 'reports', 'reports-dlq'])
      await eventually(async () => expect(await queues.count(queue)).toBe(0))
    expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0 })
  })
})

// A queue of RabbitMQ has neither a URL nor an ARN.
test.skipIf(QUEUE_BACKEND === 'rabbitmq')(
  'the outputs of the stack have the URL and the ARN of each input queue',
  () => {
    const { outputs, endpoints } = system.localJson
    expect(outputs.InputQueueUrl1).toBe(`${endpoints.sqs}/000000000000/nightly-prompts`)
    expect(outputs.InputQueueArn2).toBe('arn:aws:sqs:us-east-1:000000000000:reports')
  },
)
