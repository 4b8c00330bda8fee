import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'
import { createQuotaTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryQuota } from '../support/memory/quota.ts'
import { describeQuotaContract } from './quota.ts'

describeQuotaContract('memory', async () => ({
  quota: memoryQuota(),
  counting: memoryQuota(true),
  close: async () => undefined,
}))

for (const { name, start } of dynamoDbEngines)
  describeQuotaContract(name, async () => {
    const { client, close } = await start()
    const table = await createQuotaTable(client)
    return { quota: dynamoQuota(client, table), counting: dynamoQuota(client, table, client, true), close }
  })
