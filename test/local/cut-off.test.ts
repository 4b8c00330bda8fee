import { connect } from 'node:net'
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoModel } from '../../lib/local/model/server.ts'
import type { LocalSystem } from '../../lib/local/system.ts'
import { authorizationOf, credentialsOf } from '../../lib/local/trust/access-key.ts'
import { type EveryServer, startEveryServer } from './fixtures/every-server.ts'

let servers: EveryServer
let system: LocalSystem
let model: DemoModel
let urls: EveryServer['urls']
const told: string[] = []

beforeAll(async () => {
  servers = await startEveryServer({ log: line => told.push(line) })
  ;({ system, model, urls } = servers)
  // The database is created at its first use, which takes seconds. This call makes it, so no test times out.
  await answers['the RDS Data API']?.()
}, 60_000)
afterAll(() => servers?.close())

const common = () => ({ region: 'us-east-1', credentials: credentialsOf(system.accessKeyId), maxAttempts: 1 })
const dynamodb = () => new DynamoDBClient({ ...common(), endpoint: system.endpoints.dynamodb })
const statement = { resourceArn: 'arn:aws:rds:::cluster:a', secretArn: 'arn:s', sql: 'SELECT 7' }

/** A usual call to each server of the local system. The call fails if the server does not run any more. */
const answers: Record<string, () => Promise<unknown>> = {
  'the API': () => fetch(system.apiUrl),
  'the demo model': () => fetch(model.url),
  DynamoDB: () => dynamodb().send(new ListTablesCommand()),
  'SQS and S3': async () => {
    await new SQSClient({ ...common(), endpoint: system.endpoints.sqs }).send(new ListQueuesCommand())
    await new S3Client({ ...common(), endpoint: system.endpoints.s3 }).send(new ListBucketsCommand())
  },
  'the RDS Data API': () =>
    new RDSDataClient({ ...common(), endpoint: system.endpoints.rds_data }).send(
      new ExecuteStatementCommand(statement),
    ),
  'Secrets Manager': () => fetch(urls['Secrets Manager'] ?? ''),
}

interface Beginning {
  path?: string
  target?: string
  headers?: readonly string[]
  body?: string
}

/**
 * Sends the head and the beginning of the body of a signed call, and resets the connection. Resolves when the connection is
 * closed.
 */
function cutOff(url: string, { path = '/', target = '', headers = [], body = '{"a":' }: Beginning): Promise<void> {
  const { hostname, port } = new URL(url)
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: ${authorizationOf(system.accessKeyId)}`,
    'Content-Type: application/x-amz-json-1.0',
    `X-Amz-Target: ${target}`,
    ...(headers.length > 0 ? headers : ['Content-Length: 1000']),
  ]
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    // The connection is reset once these bytes are written.
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.resetAndDestroy())
  })
}

describe.each(Object.keys(answers))('the server of %s', server => {
  const url = () => urls[server] ?? ''

  test('the server keeps working after a call whose connection is reset in the middle of the body', async () => {
    await cutOff(url(), {})
    await answers[server]?.()
    expect(told.filter(line => line.includes('failed'))).toEqual([])
  })

  test('the server keeps working after fifty simultaneous calls whose connections are reset in the middle of the body', async () => {
    await Promise.all(Array.from({ length: 50 }, () => cutOff(url(), { body: 'x'.repeat(500) })))
    await answers[server]?.()
    expect(told.filter(line => line.includes('failed'))).toEqual([])
  })

  test('the server keeps working after a call with an invalid chunked body', async () => {
    const chunked = { headers: ['Transfer-Encoding: chunked'] }
    await cutOff(url(), { ...chunked, body: '5\r\n{"a":\r\n' })
    await cutOff(url(), { ...chunked, body: 'no length\r\n{}\r\n' })
    await answers[server]?.()
  })

  test('the server keeps working after a call whose body is over its size limit', async () => {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      authorization: authorizationOf(system.accessKeyId),
      'x-amz-target': 'DynamoDB_20120810.ListTables',
    }
    const body = 'x'.repeat(20 * 1024 * 1024)
    await fetch(url(), { method: 'POST', headers, body }).then(
      response => response.text(),
      () => 'cut off by the server',
    )
    await answers[server]?.()
  })
})

test('the DynamoDB of the local system answers a call with any JSON body, and does not crash', async () => {
  const operations = [
    'ListTables',
    'GetItem',
    'PutItem',
    'UpdateItem',
    'Query',
    'Scan',
    'BatchWriteItem',
    'CreateTable',
  ]
  const deep = '['.repeat(20_000) + ']'.repeat(20_000)
  const bodies = ['null', '[]', '1', '"x"', '{"__proto__":{"a":1}}', '{"TableName":{}}', '{"Key":null}', deep]
  for (const operation of operations)
    for (const body of [...bodies, `{"TableName":"none","Item":${deep},"Key":${deep}}`]) {
      const headers = {
        'content-type': 'application/x-amz-json-1.0',
        authorization: authorizationOf(system.accessKeyId),
        'x-amz-date': '20261127T000000Z',
        'x-amz-target': `DynamoDB_20120810.${operation}`,
      }
      const { status } = await fetch(system.endpoints.dynamodb, { method: 'POST', headers, body })
      expect([200, 400, 500], `${operation} ${body.slice(0, 50)}`).toContain(status)
    }
})

test('the local system writes and reads tables after all calls of the tests above', async () => {
  await dynamodb().send(
    new CreateTableCommand({
      TableName: 'afterwards',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  )
  expect((await dynamodb().send(new ListTablesCommand())).TableNames).toEqual(['afterwards'])
})
