import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { BeginTransactionCommand, ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/migrator/handler.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'

const rdsData = mockClient(RDSDataClient)
let handler: typeof Handler
let cloudFormation: Server
const answers: unknown[] = []
let status = 200
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/migrator/handler.ts')).handler
  cloudFormation = createServer(async (request, response) => {
    answers.push(await json(request))
    response.writeHead(status).end()
  })
  cloudFormation.listen(0, '127.0.0.1')
  await once(cloudFormation, 'listening')
})
afterAll(() => cloudFormation.close())
beforeEach(() => {
  rdsData.reset()
  rdsData.resolves({})
  answers.length = 0
  status = 200
  captureOutput()
})
afterEach(() => vi.restoreAllMocks())

const event = (RequestType: 'Create' | 'Update' | 'Delete') =>
  ({
    RequestType,
    ResponseURL: `http://127.0.0.1:${(cloudFormation.address() as AddressInfo).port}/answer?signed`,
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'Migrations',
  }) as CloudFormationCustomResourceEvent

const ANSWER = {
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'Migrations',
  PhysicalResourceId: 'migrations',
}

describe('migrator', () => {
  it.each(['Create', 'Update'] as const)('applies the migrations at %s, and tells CloudFormation', async type => {
    await handler(event(type), aContext())

    expect(answers).toEqual([{ ...ANSWER, Status: 'SUCCESS' }])
    expect(rdsData.commandCalls(ExecuteStatementCommand).length).toBeGreaterThan(0)
  })

  it('leaves the data alone at Delete', async () => {
    await handler(event('Delete'), aContext())

    expect(answers).toEqual([{ ...ANSWER, Status: 'SUCCESS' }])
    expect(rdsData.calls()).toHaveLength(0)
  })

  it('tells why the migrations failed, instead of letting the deployment hang', async () => {
    rdsData.on(BeginTransactionCommand).rejects(new Error('no such database'))

    await handler(event('Create'), aContext())

    expect(answers).toEqual([{ ...ANSWER, Status: 'FAILED', Reason: 'the migrations failed: no such database' }])
  })

  it('throws when CloudFormation does not take the answer, so that Lambda tries again', async () => {
    status = 403

    await expect(handler(event('Create'), aContext())).rejects.toThrow('403')
  })
})
