import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { statusesOf } from '../../../functions/core/stores/requests/admin.ts'
import { oldestWaiting } from '../../../lib/cli/operations/model-requests.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'
import { startTables } from './local-system.ts'

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

it('the oldest request that waits is found among those that run with one read of the table', async () => {
  const items = Array.from({ length: 50 }, (_, i) =>
    anItem({
      request_id: `r-${String(i).padStart(2, '0')}`,
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

  const found = await oldestWaiting(
    {
      clock: () => NOW + 60_049,
      ledger: { unended: async () => items },
      statusesOf: requests => statusesOf(system.client, 'RequestsTable', requests),
    },
    'text',
  )

  expect(found).toMatchObject({ request_id: 'r-49', seconds: 60 })
  expect(commands).toEqual(['BatchGetItemCommand'])
})
