import { expect, it } from 'vitest'
import { dynamoKeys } from '../../functions/core/stores/idempotency/dynamodb.ts'
import { dynamoInputKeys } from '../../functions/core/stores/idempotency/dynamodb-inputs.ts'
import { NOW } from '../support/clock.ts'
import { createRequestsTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { memoryInputKeys } from '../support/memory/input-keys.ts'
import { describeInputKeysContract } from './input-keys.ts'

describeInputKeysContract('memory', async () => ({ inputs: memoryInputKeys(), close: async () => undefined }))

for (const { name, start } of dynamoDbEngines) {
  describeInputKeysContract(name, async () => {
    const { client, close } = await start()
    return { inputs: dynamoInputKeys(client, await createRequestsTable(client)), close }
  })

  it(`a message of an input queue and an Idempotency-Key of a client do not affect each other if they have the same name, on ${name}`, async () => {
    const { client, close } = await start()
    const table = await createRequestsTable(client)
    const own = { request_id: 'a client’s', fingerprint: 'f' }
    await dynamoKeys(client, table).bind('u42', 'nightly/m-1', own, NOW)

    expect(await dynamoInputKeys(client, table).bind('u42', 'nightly/m-1', 'an input’s', NOW)).toMatchObject({
      request_id: 'an input’s',
    })
    expect(await dynamoKeys(client, table).bind('u42', 'nightly/m-1', { ...own, request_id: 'b' }, NOW)).toEqual(own)
    await close()
  })
}
