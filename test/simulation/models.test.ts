import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sqsQueue } from '../../functions/core/queue/sqs.ts'
import { dynamoKeys } from '../../functions/core/stores/idempotency/dynamodb.ts'
import { migrate } from '../../functions/core/stores/ledger/migrate.ts'
import type { Entry, LedgerRow } from '../../functions/core/stores/ledger/port.ts'
import { rdsDataLedger } from '../../functions/core/stores/ledger/rds-data.ts'
import { statementsOf } from '../../functions/core/stores/ledger/statements.ts'
import { s3Payloads } from '../../functions/core/stores/payloads/s3.ts'
import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import { describeItemsContract } from '../contract/items.ts'
import { describeKeysContract } from '../contract/keys.ts'
import { describePayloadsContract } from '../contract/payloads.ts'
import { describeQueueContract } from '../contract/queue.ts'
import { describeQuotaContract } from '../contract/quota.ts'
import { NOW } from '../support/clock.ts'
import { startRdsData } from '../support/emulators.ts'
import { newRequestId } from '../support/requests.ts'
import { dynamoDbClient, dynamoDbModel } from './models/dynamodb.ts'
import { rdsDataClient, rdsDataModel } from './models/rds-data.ts'
import { s3Client, s3Model } from './models/s3.ts'
import { sqsClient, sqsModel } from './models/sqs.ts'
import { LEDGER_ENV, TABLES, URL_PREFIX } from './settings.ts'

const close = async () => undefined

function dynamoDb() {
  const model = dynamoDbModel(TABLES)
  return dynamoDbClient(async command => model.execute(command))
}

describeItemsContract("the simulation's model", async () => ({ items: dynamoItems(dynamoDb(), 'requests'), close }))
describeKeysContract("the simulation's model", async () => ({ keys: dynamoKeys(dynamoDb(), 'requests'), close }))
describeQuotaContract("the simulation's model", async () => ({ quota: dynamoQuota(dynamoDb(), 'quota'), close }))

describePayloadsContract("the simulation's model", async () => {
  const model = s3Model()
  return {
    payloads: s3Payloads(
      s3Client(async command => model.execute(command)),
      'payloads',
    ),
    close,
  }
})

describeQueueContract("the simulation's model", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `queue-${i}`)
  const settings = Object.fromEntries(names.map(name => [name, { visibility_ms: 60_000, max_receives: 3 }]))
  const model = sqsModel(settings, () => NOW, URL_PREFIX)
  const queueOf = (name: string) => model.queues.get(name) ?? fail(name)
  return {
    queue: sqsQueue(
      sqsClient(async command => model.execute(command)),
      URL_PREFIX,
    ),
    createQueue: async () => names.shift() ?? fail('all queues are used'),
    receive: async name => {
      const queue = queueOf(name)
      const received = model.receive(queue, model.visible(queue))
      for (const { id } of received) queue.messages.delete(id)
      return received.map(({ body }) => JSON.parse(body))
    },
    waiting: async name => {
      const queue = queueOf(name)
      const visible = model.visible(queue).length
      return { visible, delayed: queue.messages.size - visible }
    },
    close,
  }
})

function fail(message: string): never {
  throw new Error(message)
}

describe("queues of the simulation's model", () => {
  it('hide what is received until its visibility ends, and give it up when it came too often', () => {
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

describe("the ledger of the simulation's model", () => {
  let postgres: Awaited<ReturnType<typeof startRdsData>>
  beforeAll(async () => {
    postgres = await startRdsData({})
    await migrate(postgres.client, LEDGER_ENV)
  })
  afterAll(() => postgres?.close())

  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
  const anEvent: fc.Arbitrary<Event> = fc.record<Event>(
    {
      request: fc.integer({ min: 0, max: 2 }),
      status: fc.constantFrom('queued', 'completed', 'failed', 'cancelled'),
      run: fc.integer({ min: 1, max: 2 }),
      attempts: fc.integer({ min: 0, max: 3 }),
      prompt: fc.constantFrom({ inline: 'a' }, { key: 'b' }),
      metadata: fc.constantFrom({ a: 1 }, {}),
      result: fc.constantFrom({ inline: { a: 1e300 } }, { inline: null }, { key: 'c' }),
      usage: fc.constant(usage),
      error: fc.constant({ code: 'c', message: 'm' }),
      started_at: fc.constantFrom(NOW, NOW + 1),
      letter: fc.constantFrom(undefined, { text: 't' }),
    },
    { requiredKeys: ['request', 'status', 'run', 'attempts'] },
  )

  it('holds what Postgres holds, whatever events come in whatever batches', async () => {
    const execute = statementsOf(postgres.client, LEDGER_ENV)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(anEvent, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), async batches => {
        const ids = [newRequestId(), newRequestId(), newRequestId()]
        const model = rdsDataModel()
        const ledgers = [postgres.client, rdsDataClient(async command => model.execute(command))].map(client =>
          rdsDataLedger(client, LEDGER_ENV),
        )

        for (const batch of batches)
          for (const ledger of ledgers)
            await ledger.record(batch.map(event => toEntry(event, ids[event.request] ?? '')))

        for (const id of ids) {
          const [rows] = await execute(ROW, { id })
          const [letters] = await execute(LETTERS, { id })
          expect(normal(model.requests.get(id))).toEqual(normal(JSON.parse(rows?.[0]?.stringValue ?? 'null')))
          const own = [...model.deadLetters.values()].filter(letter => letter.request_id === id)
          const ofModel = own.map(letter => [letter.id, letter.message ?? null]).sort()
          expect(ofModel).toEqual(JSON.parse(letters?.[0]?.stringValue ?? '[]'))
          const [inPostgres, inModel] = await Promise.all(ledgers.map(ledger => ledger.result(id, 1)))
          expect(inModel).toEqual(inPostgres)
        }
        const [completed, ofModel] = await Promise.all(ledgers.map(ledger => ledger.completed(ids)))
        expect(ofModel).toEqual(completed)
      }),
      { numRuns: 60, seed: 42 },
    )
  })
})

const ROW = `SELECT row_to_json(r)::text FROM (SELECT * FROM requests WHERE request_id = :id::uuid) r`
const LETTERS = `SELECT json_agg(json_build_array(id, message) ORDER BY id)::text FROM dead_letters WHERE request_id = :id::uuid`

/** Times in one form, and a result as its value: Postgres writes both in its own way. */
function normal(row: object | undefined | null): unknown {
  const times = new Set(['created_at', 'started_at', 'completed_at', 'deadline'])
  const entries = Object.entries(row ?? {}).map(([name, value]) => {
    if (times.has(name)) return [name, value && Date.parse(String(value))]
    if (name === 'result') return [name, typeof value === 'string' ? JSON.parse(value) : value]
    return [name, value]
  })
  return Object.fromEntries(entries)
}

interface Event extends Partial<LedgerRow> {
  readonly status: LedgerRow['status']
  readonly run: number
  readonly attempts: number
  readonly request: number
  readonly letter?: { readonly text: string } | undefined
}

function toEntry({ request: _, letter, ...fields }: Event, request_id: string): Entry {
  const row: LedgerRow = {
    request_id,
    user_id: 'u42',
    model: 'text',
    priority: 'normal',
    estimated_tokens: 10,
    quota_window: '2026-11-23',
    created_at: NOW,
    deadline: NOW,
    ...fields,
  }
  if (row.status !== 'failed') return { row }
  const id = `${request_id}:${row.run}`
  return { row, deadLetter: { id, request_id, reason: 'c', attempts: 1, message: letter, at: NOW } }
}
