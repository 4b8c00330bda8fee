import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/authorizer/handler.ts'
import { hashKey, keyIdOf, newKey } from '../../../../functions/core/stores/access/key.ts'
import { NOW } from '../../../support/clock.ts'
import { networkError } from '../../../support/faults.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'

const dynamoDb = mockClient(DynamoDBClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/authorizer/handler.ts')).handler
})
beforeEach(() => dynamoDb.reset())
afterEach(() => vi.restoreAllMocks())

const KEY = newKey()
const event = (headers: Record<string, string>) =>
  ({ version: '2.0', headers }) as unknown as APIGatewayRequestAuthorizerEventV2
const known = (user: object) => {
  const hash = hashKey(KEY)
  const record = { key_id: keyIdOf(hash), hash, user_id: 'u42', created_at: NOW }
  dynamoDb.on(GetItemCommand, { TableName: 'keys' }).resolves({ Item: marshall(record) })
  dynamoDb.on(GetItemCommand, { TableName: 'users' }).resolves({ Item: marshall(user) })
}

describe('authorizer', () => {
  it('tells the functions behind it who calls, in scalars only', async () => {
    known({ user_id: 'u42', plan: 'pro', overrides: { tokens: 5 } })

    expect(await handler(event({ 'x-api-key': KEY }), aContext())).toEqual({
      isAuthorized: true,
      context: { user_id: 'u42', plan: 'pro', tokens: 5 },
    })
  })

  it('refuses an unknown key, and logs nothing of it', async () => {
    dynamoDb.on(GetItemCommand).resolves({})
    const output = captureOutput()

    expect(await handler(event({ 'x-api-key': KEY }), aContext())).toEqual({ isAuthorized: false, context: {} })
    expect(output.text()).not.toContain(KEY)
  })

  it('throws while the tables can’t be read, so that API Gateway refuses the call and caches nothing', async () => {
    dynamoDb.rejects(networkError('down'))
    const output = captureOutput()

    const refused = handler(event({ 'x-api-key': KEY }), aContext())

    // Lambda logs the stack of what is thrown.
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('unavailable'), stack: '' })
    expect(output.text()).toContain('the invocation failed')
  })
})
