import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import { createRequestsTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryItems } from '../support/memory/items.ts'
import { describeItemsContract } from './items.ts'

describeItemsContract('memory', async () => ({ items: memoryItems(), close: async () => undefined }))

for (const { name, start } of dynamoDbEngines)
  describeItemsContract(name, async () => {
    const { client, close } = await start()
    return { items: dynamoItems(client, await createRequestsTable(client)), close }
  })
