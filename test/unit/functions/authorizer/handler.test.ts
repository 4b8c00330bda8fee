import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/authorizer/handler.ts'
import { hashKey, keyIdOf, newKey } from '../../../../functions/core/stores/access/key.ts'
import { NOW } from '../../../support/clock.ts'
import { networkError } from '../../../support/faults.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'

const dynamoDb = mockClient(DynamoDBClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/authorizer/handler.ts')).handler
})
beforeEach(() => dynamoDb.reset())
afterEach(() => vi.restoreAllMocks())

let Key = newKey()
// The handler remembers keys for a minute. So each test uses a new key, and sees no answer of the test before.
beforeEach(() => {
  Key = newKey()
})
const event = (headers: Record<string, string>) =>
  ({ version: '2.0', headers }) as unknown as APIGatewayRequestAuthorizerEventV2
const known = (user: object) => {
  const hash = hashKey(Key)
  const record = { key_id: keyIdOf(hash), hash, user_id: 'u42', created_at: NOW }
  dynamoDb.on(GetItemCommand, { TableName: 'keys' }).resolves({ Item: marshall(record) })
  dynamoDb.on(GetItemCommand, { TableName: 'users' }).resolves({ Item: marshall(user) })
}

// API Gateway passes every call on (`isAuthorized`). If the context has `refused`, the called function answers 401 or 403.
describe('authorizer', () => {
  it('passes the user, the plan and the limits of the caller to the functions, each as a scalar, since API Gateway takes no objects', async () => {
    known({ user_id: 'u42', plan: 'pro', overrides: { tokens: 5 } })

    expect(await handler(event({ 'x-api-key': Key }), aContext())).toEqual({
      isAuthorized: true,
      context: { user_id: 'u42', plan: 'pro', tokens: 5 },
    })
  })

  it.each([
    ['x-api-key', ''],
    ['authorization', 'Bearer '],
    ['authorization', 'bearer  '],
  ])('finds the key in the header %s, after the prefix "%s"', async (header, prefix) => {
    known({ user_id: 'u42', plan: 'pro', overrides: {} })

    expect(await handler(event({ [header]: prefix + Key }), aContext())).toMatchObject({ context: { user_id: 'u42' } })
  })

  it.each([
    {},
    { 'x-api-key': '' },
    { authorization: 'Basic dTpw' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
  ])('marks a call with the headers %j as refused for a missing key, and reads no table', async headers => {
    expect(await handler(event(headers), aContext())).toEqual({ isAuthorized: true, context: { refused: 'no key' } })
    expect(dynamoDb.calls()).toEqual([])
  })

  it('marks a call with an unknown key as refused, and does not log the key', async () => {
    dynamoDb.on(GetItemCommand).resolves({})
    const output = captureOutput()

    expect(await handler(event({ 'x-api-key': Key }), aContext())).toEqual({
      isAuthorized: true,
      context: { refused: 'bad key' },
    })
    expect(output.text()).not.toContain(Key)
  })

  it('throws while the tables can’t be read, so that API Gateway refuses the call and caches nothing', async () => {
    dynamoDb.rejects(networkError('down'))
    const output = captureOutput()

    const refused = handler(event({ 'x-api-key': Key }), aContext())

    // Lambda logs the stack of a thrown error. So the error has an empty stack, and only Sluice’s own log line has the cause.
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('unavailable'), stack: '' })
    expect(output.text()).toContain('the invocation failed')
  })
})
