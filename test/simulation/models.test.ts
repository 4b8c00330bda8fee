import type { Field } from '@aws-sdk/client-rds-data'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dynamoModelStates } from '../../functions/core/flow-control/dynamodb.ts'
import { Defect } from '../../functions/core/platform/unavailable.ts'
import type { Link } from '../../functions/core/queue/rabbitmq/link.ts'
import { rabbitMqQueue } from '../../functions/core/queue/rabbitmq/queue.ts'
import { declareTopology } from '../../functions/core/queue/rabbitmq/topology.ts'
import { sqsQueue } from '../../functions/core/queue/sqs.ts'
import { dynamoKeys } from '../../functions/core/stores/idempotency/dynamodb.ts'
import { dynamoInputKeys } from '../../functions/core/stores/idempotency/dynamodb-inputs.ts'
import { migrate } from '../../functions/core/stores/ledger/migrate.ts'
import type { Entry, LedgerRow } from '../../functions/core/stores/ledger/port.ts'
import { rdsDataLedger } from '../../functions/core/stores/ledger/rds-data.ts'
import { userHash } from '../../functions/core/stores/ledger/sql.ts'
import { statementsOf } from '../../functions/core/stores/ledger/statements.ts'
import { s3Payloads } from '../../functions/core/stores/payloads/s3.ts'
import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import { dynamoWaitLeases } from '../../functions/core/stores/waits/dynamodb.ts'
import { describeInputKeysContract } from '../contract/input-keys.ts'
import { describeItemsContract } from '../contract/items.ts'
import { describeKeysContract } from '../contract/keys.ts'
import { describeModelStatesContract } from '../contract/model-states.ts'
import { describePayloadsContract } from '../contract/payloads.ts'
import { describeQueueContract } from '../contract/queue.ts'
import { describeQuotaContract } from '../contract/quota.ts'
import { describeWaitingContract } from '../contract/waiting.ts'
import { NOW } from '../support/clock.ts'
import { startRdsData } from '../support/emulators.ts'
import { newRequestId } from '../support/requests.ts'
import { dynamoDbClient, dynamoDbModel } from './models/dynamodb.ts'
import { rabbitMqModel } from './models/rabbitmq.ts'
import { rdsDataClient, rdsDataModel, type StoredRow } from './models/rds-data.ts'
import { s3Client, s3Model } from './models/s3.ts'
import { sqsClient, sqsModel } from './models/sqs.ts'
import { LEDGER_ENV, TABLES, URL_PREFIX } from './settings.ts'

const close = async () => undefined

function dynamoDb() {
  const model = dynamoDbModel(TABLES)
  return dynamoDbClient(async command => model.execute(command))
}

describeItemsContract("the simulation's model of DynamoDB", async () => ({
  items: dynamoItems(dynamoDb(), 'requests'),
  close,
}))
describeKeysContract("the simulation's model of DynamoDB", async () => ({
  keys: dynamoKeys(dynamoDb(), 'requests'),
  close,
}))
describeQuotaContract("the simulation's model of DynamoDB", async () => {
  const client = dynamoDb()
  return { quota: dynamoQuota(client, 'quota'), counting: dynamoQuota(client, 'quota', client, true), close }
})

describeInputKeysContract("the simulation's model of DynamoDB", async () => ({
  inputs: dynamoInputKeys(dynamoDb(), 'requests'),
  close,
}))
describeModelStatesContract("the simulation's model of DynamoDB", async () => ({
  modelStates: dynamoModelStates(dynamoDb(), 'models'),
  close,
}))
describeWaitingContract("the simulation's model of DynamoDB", async () => ({
  fresh: async () => dynamoWaitLeases(dynamoDb(), 'requests'),
  close,
}))

describePayloadsContract("the simulation's model of S3", async () => {
  const model = s3Model()
  return {
    payloads: s3Payloads(
      s3Client(async command => model.execute(command)),
      'payloads',
    ),
    close,
  }
})

describeQueueContract("the simulation's model of SQS", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `queue-${i}`)
  const settings = Object.fromEntries(names.map(name => [name, { visibility_ms: 60_000, max_receives: 3 }]))
  const model = sqsModel(settings, () => NOW, URL_PREFIX)
  const queueOf = (name: string) => model.queues.get(name) ?? fail(name)
  const receiveAll = (name: string) => {
    const queue = queueOf(name)
    const received = model.receive(queue, model.visible(queue))
    for (const { id } of received) queue.messages.delete(id)
    return received
  }
  return {
    queue: sqsQueue(
      sqsClient(async command => model.execute(command)),
      URL_PREFIX,
    ),
    createQueue: async () => names.shift() ?? fail('all queues are used'),
    receive: async name => receiveAll(name).map(({ body }) => JSON.parse(body)),
    receiveWithAttributes: async name =>
      receiveAll(name).map(({ body, attributes }) => ({ body: JSON.parse(body), attributes: { ...attributes } })),
    waiting: async name => {
      const queue = queueOf(name)
      const visible = model.visible(queue).length
      return { visible, delayed: queue.messages.size - visible }
    },
    close,
  }
})

describeQueueContract("the simulation's model of RabbitMQ", async () => {
  const model = rabbitMqModel({ clock: () => NOW })
  const link = { onChannel: (work: Parameters<Link['onChannel']>[0]) => work(model.channel) } as Link
  let queues = 0
  const receiveAll = (name: string) => {
    const received = model.deliver(name, Number.POSITIVE_INFINITY)
    model.acknowledge(name, received)
    return received
  }
  const delayed = () => [...model.queues.values()].filter(({ ttl_ms }) => ttl_ms !== undefined)
  return {
    queue: rabbitMqQueue('', async publication => {
      try {
        model.publish(publication)
      } catch (error) {
        throw new Defect('the queue', error)
      }
    }),
    createQueue: async () => {
      const name = `queue-${queues++}`
      const declared = [{ name, dead_letters: `${name}-dlq` }, { name: `${name}-dlq` }]
      await declareTopology(link, { prefix: '', queues: declared })
      return name
    },
    receive: async name => receiveAll(name).map(({ body }) => JSON.parse(body)),
    receiveWithAttributes: async name =>
      receiveAll(name).map(({ body, options }) => ({ body: JSON.parse(body), attributes: { ...options.headers } })),
    waiting: async name => ({
      visible: model.ready(name).length,
      delayed: delayed().reduce((sum, { messages }) => sum + messages.size, 0),
    }),
    close,
  }
})

function fail(message: string): never {
  throw new Error(message)
}

describe("a queue of the simulation's model of SQS", () => {
  it('hides a received message until its visibility timeout ends, and moves it to its dead-letter queue after too many receives', () => {
    let now = NOW
    const model = sqsModel({ work: { visibility_ms: 1_000, max_receives: 2 } }, () => now, URL_PREFIX)
    const queue = model.queues.get('work') ?? fail('work')
    model.put('work', 'text', now)

    const received = [0, 1, 2].map(() => {
      const message = model.receive(queue, model.visible(queue)).map(({ body }) => body)
      const hidden = model.visible(queue).length
      now += 1_000
      return { message, hidden }
    })

    expect(received).toEqual([
      { message: ['text'], hidden: 0 },
      { message: ['text'], hidden: 0 },
      { message: [], hidden: 0 },
    ])
    expect([...(model.queues.get('work-dlq')?.messages.values() ?? [])]).toMatchObject([{ body: 'text' }])
  })
})

describe("the ledger on the simulation's model of Postgres", () => {
  let postgres: Awaited<ReturnType<typeof startRdsData>>
  beforeAll(async () => {
    postgres = await startRdsData({})
    await migrate(postgres.client, LEDGER_ENV)
  })
  afterAll(() => postgres?.close())

  /** Generators of the values of each field of a row. If a field is missing here, the test does not compile. */
  const Values: { readonly [Field in keyof LedgerRow]-?: fc.Arbitrary<LedgerRow[Field]> } = {
    request_id: fc.constantFrom(newRequestId(), newRequestId(), newRequestId()),
    user_id: fc.constantFrom('u42', 'deleted'),
    model: fc.constantFrom('text', 'chat'),
    priority: fc.constantFrom('normal', 'high'),
    prompt: fc.constantFrom({ inline: 'a' }, { key: 'b' }, undefined),
    estimated_tokens: fc.nat({ max: 3 }),
    status: fc.constantFrom('queued', 'completed', 'failed', 'cancelled', 'expired', 'rejected'),
    usage: fc.option(fc.record({ prompt_tokens: fc.nat(9), completion_tokens: fc.nat(9), total_tokens: fc.nat(9) }), {
      nil: undefined,
    }),
    cost: fc.constantFrom(0.25, undefined),
    result: fc.constantFrom({ inline: { a: 1e300 } }, { inline: null }, { key: 'c' }, undefined),
    error: fc.constantFrom({ code: 'c', message: 'm' }, undefined),
    metadata: fc.constantFrom({ a: 1 }, {}, undefined),
    run: fc.integer({ min: 1, max: 2 }),
    attempts: fc.integer({ min: 0, max: 3 }),
    quota_window: fc.constantFrom('2026-11-23', '2026-11-24'),
    created_at: fc.constantFrom(NOW, NOW + 1),
    started_at: fc.constantFrom(NOW, NOW + 1, undefined),
    completed_at: fc.constantFrom(NOW, NOW + 1, undefined),
    deadline: fc.constantFrom(NOW, NOW + 1),
  }
  const anEntry = fc
    .record({ row: fc.record(Values), text: fc.option(fc.constant('t')) })
    .map(({ row, text }): Entry => {
      if (row.status !== 'failed') return { row }
      const { request_id } = row
      const message = text === null ? undefined : { text }
      return {
        row,
        deadLetter: { id: `${request_id}:${row.run}`, request_id, reason: 'c', attempts: 1, message, at: NOW },
      }
    })

  /** One step of a test: a batch of events is recorded, or an owner deletes a request. */
  const aStep = fc.oneof(
    { weight: 3, arbitrary: fc.array(anEntry, { minLength: 1, maxLength: 3 }).map(record => ({ record })) },
    {
      weight: 1,
      arbitrary: fc.record(Values).map(({ estimated_tokens: estimate, quota_window: window, ...row }) => ({
        erase: { ...row, estimate, window },
      })),
    },
  )

  it('the model of Postgres has the same rows and dead letters as Postgres after any sequence of recorded events and deletions', async () => {
    const execute = statementsOf(postgres.client, LEDGER_ENV)
    await execute(DELETE_USER, {})
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 5 }), async steps => {
        await execute('DELETE FROM requests', {})
        await execute('DELETE FROM dead_letters', {})
        const model = rdsDataModel()
        model.deletedUsers.set('deleted', NOW)
        const ledgers = [postgres.client, rdsDataClient(async command => model.execute(command))].map(client =>
          rdsDataLedger(client, LEDGER_ENV),
        )

        for (const step of steps)
          for (const ledger of ledgers)
            await ('erase' in step ? ledger.erase(step.erase, NOW + 2) : ledger.record(step.record))

        const [rows] = await execute(ROWS, {})
        expect([...model.requests.values()].sort(byId).map(normal)).toEqual(jsonOf(rows ?? []).map(normal))
        const [letters] = await execute(LETTERS, {})
        const ofModel = [...model.deadLetters.values()].map(({ id, message }) => [id, message ?? null]).sort()
        expect(ofModel).toEqual(jsonOf(letters ?? []))
        const ids = [...model.requests.keys()]
        for (const id of ids) {
          const [inPostgres, inModel] = await Promise.all(ledgers.map(ledger => ledger.result(id, 1)))
          expect(inModel).toEqual(inPostgres)
        }
        const [completed, completedInModel] = await Promise.all(ledgers.map(ledger => ledger.completed(ids)))
        expect(completedInModel).toEqual(completed)
      }),
      { numRuns: 100, seed: 42 },
    )
  })
})

const byId = (a: StoredRow, b: StoredRow) => (a.request_id < b.request_id ? -1 : 1)
const jsonOf = ([field]: readonly Field[]): object[] => JSON.parse(field?.stringValue ?? '[]')

const ROWS = 'SELECT json_agg(row_to_json(r) ORDER BY request_id)::text FROM requests r'
const LETTERS = 'SELECT json_agg(json_build_array(id, message) ORDER BY id)::text FROM dead_letters'
const DELETE_USER = `INSERT INTO deleted_users (user_hash, deleted_at) VALUES (${userHash("'deleted'")}, '${new Date(NOW).toISOString()}')`

/** Parses the times and the result of a row. Postgres writes both in its own format, so their texts can't be compared. */
function normal(row: object): unknown {
  const times = new Set(['created_at', 'started_at', 'completed_at', 'deadline', 'erased_at'])
  const entries = Object.entries(row).map(([name, value]) => {
    if (times.has(name)) return [name, value && Date.parse(String(value))]
    if (name === 'result') return [name, typeof value === 'string' ? JSON.parse(value) : value]
    return [name, value]
  })
  return Object.fromEntries(entries)
}
