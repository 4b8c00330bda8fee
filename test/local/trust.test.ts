import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalSystem } from '../../lib/local/system.ts'
import { authorizationOf, credentialsOf } from '../../lib/local/trust/access-key.ts'
import { type EveryServer, startEveryServer } from './fixtures/every-server.ts'
import { temporaryFolder } from './fixtures/template.ts'

let servers: EveryServer
let system: LocalSystem
let urls: EveryServer['urls']

beforeAll(async () => {
  servers = await startEveryServer()
  ;({ system, urls } = servers)
}, 60_000)
afterAll(() => servers?.close())

const everyServer = ['the API', 'the demo model', 'DynamoDB', 'SQS and S3', 'the RDS Data API', 'Secrets Manager']
const awsServers = everyServer.slice(2)
const urlOf = (server: string) => urls[server] ?? ''
const signed = () => ({ authorization: authorizationOf(system.accessKeyId), 'content-type': 'application/json' })

interface Call {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string
}
interface Called {
  status: number | undefined
  headers: object
  body: string
}

/** Makes an HTTP call with any Host and Origin header. `fetch` would not allow to set these headers. */
async function call(url: string, { method = 'POST', path = '/', headers = {}, body = '{}' }: Call): Promise<Called> {
  const { promise, resolve, reject } = Promise.withResolvers<Called>()
  request(new URL(path, url), { method, headers }, async response =>
    resolve({ status: response.statusCode, headers: response.headers, body: await text(response) }),
  )
    .on('error', reject)
    .end(method === 'POST' || method === 'PUT' ? body : undefined)
  return promise
}

const SENTENCE = expect.stringMatching(/^[A-Z].+\.$/)
const ofAws = { __type: 'AccessDeniedException', message: SENTENCE }
const ofTheApi = { error: SENTENCE, status: 'error', code: 'foreign_call' }

function expectRefusal({ status, headers, body }: Called, shape: object = ofAws): void {
  expect(status).toBe(403)
  expect(JSON.parse(body)).toEqual(shape)
  expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([])
}

describe.each(everyServer)('the local server of %s', server => {
  const shape = awsServers.includes(server) ? ofAws : ofTheApi
  test.each([
    ['evil.example', (port: string) => `evil.example:${port}`],
    ['a name that begins with our address', (port: string) => `127.0.0.1.evil.example:${port}`],
    ['our address with another port', () => '127.0.0.1:1'],
    ['our address without its port', () => '127.0.0.1'],
  ] as const)('refuses the Host %s', async (_, host) => {
    const { port } = new URL(urlOf(server))
    expectRefusal(await call(urlOf(server), { headers: { ...signed(), host: host(port) } }), shape)
  })

  test.each(['https://evil.example', 'null', 'http://127.0.0.1:1', 'http://localhost'])(
    'refuses calls of a web page with the Origin %s, and the preflight of such calls',
    async origin => {
      const headers = { ...signed(), origin }
      expectRefusal(await call(urlOf(server), { headers }), shape)
      expectRefusal(
        await call(urlOf(server), {
          method: 'OPTIONS',
          headers: {
            ...headers,
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'content-type,x-amz-target,authorization',
          },
        }),
        shape,
      )
    },
  )

  test('a local server accepts calls whose Host is any of the names of this machine', async () => {
    const { port } = new URL(urlOf(server))
    for (const name of ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]']) {
      const { body } = await call(urlOf(server), { headers: { ...signed(), host: `${name}:${port}` } })
      expect(body).not.toMatch(/AccessDeniedException|foreign_call/)
    }
  })
})

test('the local API accepts calls of its own pages, but only with the same host name with which the page was opened', async () => {
  const { port } = new URL(system.apiUrl)
  const by = (origin: string) =>
    call(system.apiUrl, { method: 'GET', headers: { host: `localhost:${port}`, origin: `http://${origin}:${port}` } })

  expect((await by('localhost')).status).not.toBe(403)
  expectRefusal(await by('[::1]'), ofTheApi)
})

test.each(['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/responses', '/v1/models?x=1'])(
  'the local API refuses calls of web pages to %s with an error in OpenAI’s shape',
  async path => {
    const error = { message: SENTENCE, type: 'invalid_request_error', param: null, code: 'foreign_call' }
    expectRefusal(await call(system.apiUrl, { path, headers: { origin: 'https://evil.example' } }), { error })
  },
)

describe.each(awsServers)('the emulator of %s', server => {
  test.each([
    ['missing', undefined],
    ['the id of another run', 'AKIAAAAAAAAAAAAAAAAA'],
    ['the fixed id of an earlier version', 'local'],
  ])('refuses a call whose access key id is %s', async (_, accessKeyId) => {
    const headers = {
      'content-type': 'application/json',
      ...(accessKeyId !== undefined && { authorization: authorizationOf(accessKeyId) }),
    }
    for (const method of ['GET', 'PUT', 'POST', 'DELETE'])
      expectRefusal(await call(urlOf(server), { method, path: '/a/b', headers }))
  })

  test.each(['text/plain', 'multipart/form-data; boundary=x', ''])(
    'an emulator refuses a call whose body has the content type "%s"',
    async type => {
      const headers = { authorization: authorizationOf(system.accessKeyId), ...(type && { 'content-type': type }) }
      expectRefusal(await call(urlOf(server), { headers }))
    },
  )

  // AWS services such as SNS take forms and answer in XML. So AWS’s tools can read the refusal of a form only as XML.
  test('an emulator refuses a form with an error in XML', async () => {
    const headers = {
      authorization: authorizationOf(system.accessKeyId),
      'content-type': 'application/x-www-form-urlencoded',
    }
    const { status, body } = await call(urlOf(server), { headers, body: 'Action=ListTopics&Version=2010-03-31' })
    expect(status).toBe(server === 'Secrets Manager' ? 400 : 403)
    expect(body).toMatch(/^<ErrorResponse><Error><Type>Sender<\/Type><Code>\w+<\/Code><Message>[A-Z][^<]+\.<\/Message>/)
  })
})

test('the local RDS Data API does not execute a statement that a web page posts as plain text', async () => {
  const file = join(temporaryFolder(), 'made-by-a-page')
  const body = JSON.stringify({ resourceArn: 'a', secretArn: 'b', sql: `COPY (SELECT 1) TO PROGRAM 'touch ${file}'` })
  const path = '/Execute'

  expectRefusal(await call(urlOf('the RDS Data API'), { path, headers: { 'content-type': 'text/plain' }, body }))
  const origin = 'https://evil.example'
  expectRefusal(
    await call(urlOf('the RDS Data API'), { path, headers: { 'content-type': 'text/plain', origin }, body }),
  )
  expect(existsSync(file)).toBe(false)
})

test.each(['Publish', 'CreateTopic', 'Subscribe', 'GetCallerIdentity'])(
  'the emulator of SQS refuses the call %s of SNS or STS, which it does not have',
  async action => {
    const type = (value: string) => ({ ...signed(), 'content-type': value })
    const form = 'application/x-www-form-urlencoded'
    const body = `Action=${action}&Name=t&TopicArn=arn:aws:sns:us-east-1:000000000000:t&Message=forged`

    const asForm = await call(urlOf('SQS and S3'), { headers: type(form), body })
    expect(asForm).toMatchObject({ status: 403, body: expect.stringContaining('<Code>AccessDeniedException</Code>') })
    expectRefusal(await call(urlOf('SQS and S3'), { headers: type(`application/json; ${form}`), body }))
  },
)

test.each(['/health', '/_fauxqs/queues', '/_fauxqs/queues/Small-Queue'])(
  'the emulator of SQS and S3 shows no data at its own path %s',
  async path => {
    expectRefusal(await call(urlOf('SQS and S3'), { method: 'GET', path, headers: signed() }))
  },
)

test('the local S3 refuses a presigned URL without the right access key id', async () => {
  const by = (id: string) =>
    call(urlOf('SQS and S3'), {
      method: 'GET',
      path: `/small-bucket?X-Amz-Credential=${id}%2F20261127%2Fus-east-1%2Fs3`,
    })

  expect((await by(system.accessKeyId)).status).toBe(200)
  expectRefusal(await by('AKIAAAAAAAAAAAAAAAAA'))
})

test('the emulators answer an AWS SDK that signs with the right access key id', async () => {
  const common = { region: 'us-east-1', credentials: credentialsOf(system.accessKeyId) }
  const { sqs, dynamodb, s3, rds_data } = system.endpoints
  const sql = { resourceArn: 'arn:aws:rds:::cluster:a', secretArn: 'arn:s', sql: 'SELECT 7' }

  const queues = await new SQSClient({ ...common, endpoint: sqs }).send(new ListQueuesCommand())
  const tables = await new DynamoDBClient({ ...common, endpoint: dynamodb }).send(new ListTablesCommand())
  const buckets = await new S3Client({ ...common, endpoint: s3 }).send(new ListBucketsCommand())
  const rows = await new RDSDataClient({ ...common, endpoint: rds_data }).send(new ExecuteStatementCommand(sql))

  expect(queues.QueueUrls).toEqual([`${sqs}/000000000000/Small-Queue`])
  expect(tables.TableNames).toEqual([])
  expect(buckets.Buckets).toMatchObject([{ Name: 'small-bucket' }])
  expect(rows.records).toEqual([[{ longValue: 7 }]])
})
