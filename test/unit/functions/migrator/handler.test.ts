import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { BeginTransactionCommand, ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/migrator/handler.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'

const rdsData = mockClient(RDSDataClient)
const secretsManager = mockClient(SecretsManagerClient)
let handler: typeof Handler
let cloudFormation: Server
const answers: unknown[] = []
const sent: { bytes: number; contentType: string | undefined }[] = []
let status = 200
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/migrator/handler.ts')).handler
  cloudFormation = createServer(async (request, response) => {
    const body = await text(request)
    answers.push(JSON.parse(body))
    sent.push({ bytes: Buffer.byteLength(body), contentType: request.headers['content-type'] })
    response.writeHead(status).end()
  })
  cloudFormation.listen(0, '127.0.0.1')
  await once(cloudFormation, 'listening')
})
afterAll(() => cloudFormation.close())
beforeEach(() => {
  rdsData.reset()
  rdsData.resolves({})
  secretsManager.reset()
  secretsManager.on(GetSecretValueCommand, { SecretId: 'arn:reader' }).resolves({ SecretString: SECRET })
  answers.length = 0
  sent.length = 0
  status = 200
  captureOutput()
})
afterEach(() => vi.restoreAllMocks())

/** A password that no text of Postgres contains. */
const PASSWORD = 'Never0To1Be2Seen'
const SECRET = JSON.stringify({ username: 'sluice_reader', password: PASSWORD })
const statements = () => rdsData.commandCalls(ExecuteStatementCommand).map(({ args }) => args[0].input.sql ?? '')

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
  it.each(['Create', 'Update'] as const)('applies the migrations at %s, and reports to CloudFormation', async type => {
    await handler(event(type), aContext())

    expect(answers).toEqual([{ ...ANSWER, Status: 'SUCCESS' }])
    expect(rdsData.commandCalls(ExecuteStatementCommand).length).toBeGreaterThan(0)
  })

  it('sets the password of each role with statements that do not contain the password, but its SCRAM hash', async () => {
    rdsData.on(ExecuteStatementCommand).callsFake(({ sql }) => (/rolcreaterole/.test(sql) ? { records: [[]] } : {}))

    await handler(event('Create'), aContext())

    expect(statements()).toContainEqual(
      expect.stringMatching(/^CREATE ROLE sluice_reader LOGIN PASSWORD 'SCRAM-SHA-256\$4096:[^']+'$/),
    )
    expect(statements().join()).not.toContain(PASSWORD)
  })

  it('sets a changed password when an operator invokes it, and answers the operator', async () => {
    rdsData.on(ExecuteStatementCommand).callsFake(({ sql }) => (/pg_roles/.test(sql) ? { records: [[]] } : {}))

    expect(await handler({}, aContext())).toEqual({ Status: 'SUCCESS' })

    expect(statements()).toContainEqual(expect.stringMatching(/^ALTER ROLE sluice_reader LOGIN PASSWORD/))
    expect(answers).toEqual([])
  })

  it('fails with an error that does not quote a secret that is not valid', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretString: `not JSON, but ${PASSWORD}` })
    const output = captureOutput()

    await handler(event('Create'), aContext())

    const Reason = 'the migrations failed: the secret of the role reader is not JSON with a password'
    expect(answers).toEqual([{ ...ANSWER, Status: 'FAILED', Reason }])
    expect(output.text()).not.toContain(PASSWORD)
  })

  it('does not call the database when CloudFormation deletes the resource (Delete), so the data stays', async () => {
    await handler(event('Delete'), aContext())

    expect(answers).toEqual([{ ...ANSWER, Status: 'SUCCESS' }])
    expect(rdsData.calls()).toHaveLength(0)
  })

  it('reports failed migrations and their reason to CloudFormation, so the deployment does not wait for an answer', async () => {
    rdsData.on(BeginTransactionCommand).rejects(new Error('no such database'))

    await handler(event('Create'), aContext())

    expect(answers).toEqual([{ ...ANSWER, Status: 'FAILED', Reason: 'the migrations failed: no such database' }])
  })

  it('answers CloudFormation without a content type, since the signature of the answer’s URL includes none', async () => {
    await handler(event('Create'), aContext())

    expect(sent).toEqual([{ bytes: expect.any(Number), contentType: undefined }])
  })

  it.each([
    { of: 'ASCII', reason: 'x'.repeat(10_000) },
    { of: 'characters that JSON escapes', reason: '"\n\u0001'.repeat(5_000) },
    { of: 'characters of four bytes', reason: '\u{1f600}'.repeat(5_000) },
  ])('shortens a reason of $of, so that the answer has at most 4,096 bytes', async ({ reason }) => {
    rdsData.on(BeginTransactionCommand).rejects(new Error(reason))

    await handler(event('Create'), aContext())

    const [answer] = answers as { Reason: string }[]
    expect(sent[0]?.bytes).toBeLessThanOrEqual(4_096)
    expect(sent[0]?.bytes).toBeGreaterThan(3_000)
    expect(answer).toMatchObject({ ...ANSWER, Status: 'FAILED' })
    expect(answer?.Reason.isWellFormed()).toBe(true)
  })

  it('throws if CloudFormation does not accept the answer, so that Lambda tries again', async () => {
    status = 403

    await expect(handler(event('Create'), aContext())).rejects.toThrow('403')
  })
})
