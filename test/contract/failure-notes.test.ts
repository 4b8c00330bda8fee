import { dynamoFailureNotes } from '../../functions/core/flow-control/last-failure.ts'
import { createTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryFailureNotes } from '../support/memory/failure-notes.ts'
import { describeFailureNotesContract } from './failure-notes.ts'

describeFailureNotesContract('memory', async () => ({ notes: memoryFailureNotes(), close: async () => undefined }))

for (const { name, start } of dynamoDbEngines)
  describeFailureNotesContract(name, async () => {
    const { client, close } = await start()
    return { notes: dynamoFailureNotes(client, await createTable(client, 'model')), close }
  })
