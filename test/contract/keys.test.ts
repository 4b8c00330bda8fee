import { dynamoKeys } from '../../functions/core/stores/idempotency/dynamodb.ts'
import { createRequestsTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryKeys } from '../support/memory/keys.ts'
import { describeKeysContract } from './keys.ts'

describeKeysContract('memory', async () => ({ keys: memoryKeys(), close: async () => undefined }))

for (const { name, start } of dynamoDbEngines)
  describeKeysContract(name, async () => {
    const { client, close } = await start()
    return { keys: dynamoKeys(client, await createRequestsTable(client)), close }
  })
