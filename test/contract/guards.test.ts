import { dynamoGuards } from '../../functions/core/flow-control/dynamodb.ts'
import { createTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryGuards } from '../support/memory/guards.ts'
import { describeGuardsContract } from './guards.ts'

describeGuardsContract('memory', async () => ({ guards: memoryGuards(), close: async () => undefined }))

for (const { name, start } of dynamoDbEngines)
  describeGuardsContract(name, async () => {
    const { client, close } = await start()
    return { guards: dynamoGuards(client, await createTable(client, 'model')), close }
  })
