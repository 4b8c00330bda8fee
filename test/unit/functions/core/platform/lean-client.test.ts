import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { leanClient, leanSettings } from '../../../../../functions/core/platform/lean-client.ts'

setFlagsFromString('--allow-natives-syntax')
const hasFastProperties: (value: object) => boolean = runInThisContext('value => %HasFastProperties(value)')

describe('leanClient', () => {
  it('makes an AWS client that needs less CPU time per call: without the middleware for a logger and the User-Agent, and with settings that V8 copies fast', () => {
    const settings = { ...leanSettings(1_000), region: 'us-east-1' }
    const usual = new DynamoDBClient(settings)
    const lean = leanClient(new DynamoDBClient(settings), 1_000)

    const middlewareOf = (client: DynamoDBClient) => client.middlewareStack.identify().map(name => name.split(' ')[0])
    expect(middlewareOf(usual).filter(name => !middlewareOf(lean).includes(name))).toEqual([
      'loggerMiddleware',
      'getUserAgentMiddleware',
    ])
    expect(Object.keys(lean.config)).toEqual(Object.keys(usual.config))
    expect(hasFastProperties(usual.config)).toBe(false)
    expect(hasFastProperties(lean.config)).toBe(true)
  })
})
