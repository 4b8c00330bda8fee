import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GIVES_WAY_ABOVE } from '../../functions/core/domain/gives-way.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { QUEUE_BACKEND } from '../support/queue-backend.ts'

const FLOOD = 2000
/** The concurrency of the model in the fixture. */
const CONCURRENCY = 5
/** The least number of calls that hang. With RabbitMQ, one invocation runs at a time, and at the begin of the flood it may get only one message. */
const LEAST_CALLS = QUEUE_BACKEND === 'sqs' ? CONCURRENCY : 1
/**
 * The most calls of the flood before the call of another user's only request. On SQS: the calls that hung, and the messages that their workers
 * may have taken earlier. On RabbitMQ: the flooding user's requests that do not wait in the bulk queue (a second queue for users with many open
 * requests), and the calls of two invocations. With the plan's shards, Sluice only estimates a user's open requests, so up to twice as many
 * requests may stay outside of the bulk queue.
 */
const MOST_BEFORE = QUEUE_BACKEND === 'sqs' ? 3 * CONCURRENCY : 2 * GIVES_WAY_ABOVE + 2 * CONCURRENCY

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('flood.yaml'), MODEL_URL: model.url })
})

afterAll(async () => {
  await system.stop()
  await model.close()
})

const inputs = () => model.calls.map(({ body }) => body.input)
const callsWith = (prompt: string) => inputs().filter(input => input === prompt).length

/** Posts `count` requests, at most 12 in parallel. More parallel posts would only start more threads of the gateway. */
async function submitMany(count: number, submit: () => Promise<string>): Promise<string[]> {
  const ids: string[] = []
  let started = 0
  const poster = async () => {
    while (started++ < count) ids.push(await submit())
  }
  await Promise.all(Array.from({ length: 12 }, poster))
  return ids
}

describe('while 2,000 normal requests of one user wait for a model that hangs', () => {
  let flood: { release(): void }
  let hanging: number

  beforeAll(async () => {
    flood = model.hold('one of many')
    const noisy = await system.newUser()
    await submitMany(FLOOD, () => noisy.submit({ prompt: 'one of many' }))
    await eventually(() => expect(callsWith('one of many')).toBeGreaterThanOrEqual(LEAST_CALLS))
    hanging = callsWith('one of many')
    expect(hanging).toBeLessThanOrEqual(CONCURRENCY)
  })

  test('ten requests of another user with priority high complete before any normal request completes', async () => {
    const client = await system.newUser()
    const ids = await submitMany(10, () => client.submit({ prompt: 'urgent', priority: 'high' }))

    const ended = await Promise.all(ids.map(id => client.ended(id)))

    expect(ended.map(({ status }) => status)).toEqual(Array(10).fill('completed'))
    expect(callsWith('one of many')).toBe(hanging)
  })

  test('ten requests of another model complete', async () => {
    const client = await system.newUser()
    const ids = await submitMany(10, () => client.submit({ prompt: 'elsewhere', model: 'other' }))
    const ended = await Promise.all(ids.map(id => client.ended(id)))
    expect(ended.map(({ status }) => status)).toEqual(Array(10).fill('completed'))
  })

  describe('and then the model answers again', () => {
    test("another user's only request is called before most of the waiting requests", async () => {
      const quiet = await system.newUser()
      const id = await quiet.submit({ prompt: 'only one' })

      flood.release()
      await quiet.ended(id)

      const normal = inputs().filter(input => input === 'one of many' || input === 'only one')
      expect(normal.indexOf('only one')).toBeLessThan(MOST_BEFORE)
    })

    test('ten requests with priority high complete while most normal requests wait', async () => {
      const client = await system.newUser()
      const ids = await submitMany(10, () => client.submit({ prompt: 'urgent again', priority: 'high' }))

      await Promise.all(ids.map(id => client.ended(id)))

      const before = inputs().slice(0, inputs().lastIndexOf('urgent again'))
      expect(before.filter(input => input === 'one of many').length).toBeLessThan(FLOOD / 2)
    })
  })
})
