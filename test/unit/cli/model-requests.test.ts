import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { reservationOf } from '../../../functions/core/domain/item.ts'
import { itemsOf } from '../../../functions/core/stores/requests/admin.ts'
import { oldestWaiting } from '../../../lib/cli/operations/model-requests.ts'
import { openRequests } from '../../../lib/cli/operations/open-requests.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'
import { startTables } from './local-system.ts'

const idOf = (n: number) => `019ab000-0000-7000-8000-${String(n).padStart(12, '0')}`

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

it('requestsOf finds the oldest waiting request of a model among running requests, with one read of the table', async () => {
  const items = Array.from({ length: 50 }, (_, i) =>
    anItem({
      request_id: idOf(i),
      status: i < 49 ? 'running' : 'queued',
      created_at: NOW + i,
    }),
  )
  for (const item of items)
    await system.client.send(
      new PutItemCommand({ TableName: 'RequestsTable', Item: marshall(item, { removeUndefinedValues: true }) }),
    )
  const commands: string[] = []
  system.client.middlewareStack.add(
    (next, { commandName }) =>
      args => {
        commands.push(commandName ?? '')
        return next(args)
      },
    { step: 'initialize' },
  )

  const open = await openRequests({
    openReservations: async function* () {
      yield items.map(item => ({ reservation: reservationOf(item), at: item.created_at }))
    },
    itemsOf: requests => itemsOf(system.client, 'RequestsTable', requests),
  })
  const found = oldestWaiting(open, 'text', NOW + 60_049)

  expect(found).toMatchObject({ request_id: idOf(49), seconds: 60 })
  expect(commands).toEqual(['BatchGetItemCommand'])
})
