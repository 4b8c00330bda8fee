import { unmarshall } from '@aws-sdk/util-dynamodb'
import { describe, expect, it } from 'vitest'
import { prepare } from '../../functions/core/admission/prepare.ts'
import type { RequestItem } from '../../functions/core/domain/item.ts'
import type { OutcomeEvent } from '../../functions/core/domain/messages.ts'
import { parseOpenAi } from '../../functions/core/openai-api/submission.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import type { RequestItems } from '../../functions/core/stores/requests/port.ts'
import { submitRequest } from '../../functions/gateway/submit-request.ts'
import { dynamoDbClient, dynamoDbModel } from '../simulation/models/dynamodb.ts'
import { TABLES } from '../simulation/settings.ts'
import { NOW } from '../support/clock.ts'
import { aCaller, route, SETTINGS, TEXT_QUEUE } from '../support/gateway.ts'
import { memoryPorts } from '../support/ports.ts'
import { anItem } from '../support/requests.ts'
import { aWorker } from '../support/worker.ts'
import { readAs010, type StoredThing } from './version-0.1.0.ts'

type Fields = Record<string, unknown>

/** The names of the fields for which version 0.1.0 refuses this message or item. */
function unknownTo010(stored: StoredThing): unknown {
  try {
    readAs010(stored)
    return []
  } catch (error) {
    const { issues } = error as { issues: { code: string; keys?: string[] }[] }
    return issues.flatMap(({ code, keys }) => (code === 'unrecognized_keys' ? (keys ?? []) : [code]))
  }
}

/** Creates an item, calls `write` on its store, and returns the item as DynamoDB has it. */
async function storedAfter(item: RequestItem, write: (items: RequestItems) => Promise<unknown>): Promise<StoredThing> {
  const model = dynamoDbModel(TABLES, () => undefined)
  const items = dynamoItems(
    dynamoDbClient(async command => model.execute(command, () => false)),
    'requests',
  )
  await items.create(item)
  await write(items)
  const [stored = {}] = model.items('requests')
  return { table: 'requests', item: unmarshall(stored) }
}

/** Posts this body to the OpenAI API, and returns the messages that the gateway has sent. */
async function sentFor(operation: 'responses' | 'chat.completions', body: object): Promise<StoredThing[]> {
  const ports = memoryPorts()
  const abilities = { text: { passes: true, embeddings: false, names: [] } }
  const { submission } = parseOpenAi(operation, JSON.stringify(body), abilities)
  await submitRequest(ports, await prepare(ports, SETTINGS, route, aCaller(), submission))
  return [TEXT_QUEUE, RESULTS_QUEUE].flatMap(queue =>
    ports.queue.sent(queue).map(({ body: message }) => ({ queue, message })),
  )
}

const running = { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 60_000 } as const
const decision = ({ user_id, request_id, run }: RequestItem) =>
  ({ user_id, request_id, run, attempt: 1, status: 'completed', completed_at: NOW, charge: 7 }) as const

describe('the fields that this version writes', () => {
  it.each([
    ['responses', { model: 'text', input: 'Hi' }],
    ['chat.completions', { model: 'text', messages: [{ role: 'user', content: 'Hi' }] }],
  ] as const)(
    'version 0.1.0 knows all fields except `operation` in the message of a call of %s',
    async (operation, body) => {
      expect((await sentFor(operation, body)).map(unknownTo010)).toEqual([['operation']])
    },
  )

  it('version 0.1.0 knows all fields except `price` in the outcome of a model with a price', async () => {
    const { ports, create, outcomes, run } = aWorker()
    const price = { input: 0.15, output: 0.6 }

    await run(await create(), { ...ports, settings: { ...ports.settings, price } })
    await run(await create())

    const asStored = (message: OutcomeEvent) =>
      unknownTo010({ queue: RESULTS_QUEUE, message: { ...message } as Fields })
    expect(outcomes().map(asStored)).toEqual([['price'], []])
  })

  it('version 0.1.0 knows all fields except `cost` in the item of a request to a model with a price', async () => {
    const item = anItem(running)
    const priced = await storedAfter(item, items => items.decide({ ...decision(item), cost: 0.00004 }))
    const plain = await storedAfter(item, items => items.decide(decision(item)))

    expect([priced, plain].map(unknownTo010)).toEqual([['cost'], []])
  })

  it('version 0.1.0 knows all fields except `erased` in the item of a request that its owner has deleted', async () => {
    const item = anItem(running)
    const done = (items: RequestItems) => items.decide(decision(item))
    const erased = await storedAfter(item, async items => (await done(items)) && items.erase(item))

    expect([erased, await storedAfter(item, done)].map(unknownTo010)).toEqual([['erased'], []])
  })
})
