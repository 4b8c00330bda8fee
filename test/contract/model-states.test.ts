import { dynamoModelStates } from '../../functions/core/flow-control/dynamodb.ts'
import { createTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryModelStates } from '../support/memory/model-states.ts'
import { describeModelStatesContract } from './model-states.ts'

describeModelStatesContract('memory', async () => ({ modelStates: memoryModelStates(), close: async () => undefined }))

for (const { name, start } of dynamoDbEngines)
  describeModelStatesContract(name, async () => {
    const { client, close } = await start()
    return { modelStates: dynamoModelStates(client, await createTable(client, 'model')), close }
  })
