import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { deepHealth } from '../../lib/local/deep-health.ts'
import { startHttpServer } from '../../lib/local/http-api/server.ts'
import type { LocalSystem } from '../../lib/local/system.ts'
import { startSmall } from './fixtures/template.ts'

const CHECKS = { sqs: 'ok', dynamodb: 'ok', s3: 'ok', rds_data: 'ok' }

let system: LocalSystem
beforeAll(async () => {
  system = await startSmall({
    Resources: {
      Bucket: { Type: 'AWS::S3::Bucket' },
      Queue: { Type: 'AWS::SQS::Queue' },
      Cluster: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: 'aurora-postgresql', EnableHttpEndpoint: true } },
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'small', ProtocolType: 'HTTP' } },
    },
  })
}, 60_000)
afterAll(() => system?.close())

/** Starts an HTTP server for an API without routes, and a deep health check of these endpoints. Makes one call, and returns its answer. */
async function ask(endpoints: Partial<LocalSystem['endpoints']>, path = '/healthz?deep=1', method = 'GET') {
  const http = await startHttpServer(0)
  onTestFinished(() => http.close(0))
  const { accessKeyId } = system
  const own = deepHealth({ endpoints: { ...system.endpoints, ...endpoints }, accessKeyId })
  http.serve({ apiId: 'api', stage: '$default', routes: [] }, own)
  const response = await fetch(http.url + path, { method })
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.json() }
}

/** A server that answers with this status. */
async function startBroken(status: number): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end('{}')).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise(resolve => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('GET /healthz?deep=1', () => {
  test('answers 200 if all parts of the local system answer', async () => {
    const response = await fetch(`${system.apiUrl}/healthz?deep=1`)

    expect({ status: response.status, body: await response.json() }).toEqual({
      status: 200,
      body: { status: 'ok', checks: CHECKS },
    })
  })

  test('answers 503 with the name of a part that can’t be reached', async () => {
    expect(await ask({ rds_data: 'http://127.0.0.1:1' })).toEqual({
      status: 503,
      retryAfter: '5',
      body: {
        error: 'Postgres does not answer',
        status: 'error',
        code: 'unavailable',
        away: ['rds_data'],
        checks: { ...CHECKS, rds_data: 'away' },
      },
    })
  })

  test('the deep health check answers 503 with the names of all parts that answer with an error', async () => {
    const broken = await startBroken(500)

    expect(await ask({ sqs: broken, dynamodb: broken })).toMatchObject({
      status: 503,
      body: { error: 'SQS, DynamoDB do not answer', away: ['sqs', 'dynamodb'] },
    })
  })

  test.each([
    ['GET', '/healthz'],
    ['GET', '/healthz?deep=0'],
    ['POST', '/healthz?deep=1'],
    ['GET', '/v1/healthz?deep=1'],
    ['GET', '//'],
    ['GET', '//['],
  ])(
    'GET /healthz?deep=1 is the only call that the local system answers itself: %s %s is passed to the API',
    async (method, path) => {
      expect(await ask({}, path, method)).toMatchObject({ status: 404, body: { message: 'Not Found' } })
    },
  )
})
