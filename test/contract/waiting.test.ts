import { dynamoWaitLeases } from '../../functions/core/stores/waits/dynamodb.ts'
import { createRequestsTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryWaitLeases } from '../support/memory/waiting.ts'
import { describeWaitingContract } from './waiting.ts'

describeWaitingContract('memory', async () => ({
  fresh: async () => memoryWaitLeases(),
  close: async () => undefined,
}))

for (const { name, start } of dynamoDbEngines)
  describeWaitingContract(name, async () => {
    const { client, close } = await start()
    return { fresh: async () => dynamoWaitLeases(client, await createRequestsTable(client)), close }
  })
