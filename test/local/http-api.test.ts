import { request } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { LocalSystem } from '../../lib/local/system.ts'
import { lambda, newRecords, startSmall } from './fixtures/template.ts'

const authorizerCalls = newRecords()
const oneByOneCalls = newRecords()
let system: LocalSystem

beforeAll(async () => {
  const route = (key: string, properties: object = {}) => ({
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ApiId: { Ref: 'Api' },
      RouteKey: key,
      Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
      ...properties,
    },
  })
  const integration = (properties: object = {}) => ({
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: {
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: { 'Fn::GetAtt': ['Handler', 'Arn'] },
      PayloadFormatVersion: '2.0',
      ...properties,
    },
  })
  const uri = [
    'arn:',
    { Ref: 'AWS::Partition' },
    ':apigateway:',
    { Ref: 'AWS::Region' },
    ':lambda:path/2015-03-31/functions/',
    { 'Fn::GetAtt': ['Check', 'Arn'] },
    '/invocations',
  ]
  system = await startSmall({
    Resources: {
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'small', ProtocolType: 'HTTP' } },
      Stage: {
        Type: 'AWS::ApiGatewayV2::Stage',
        Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true },
      },
      Handler: lambda('api', { Timeout: 1, MemorySize: 64 }),
      Check: lambda('authorizer', {}, authorizerCalls.file),
      OneByOne: lambda('oneByOne', { Timeout: 2, ReservedConcurrentExecutions: 1 }, oneByOneCalls.file),
      Integration: integration(),
      ToOneByOne: integration({
        IntegrationUri: { 'Fn::GetAtt': ['OneByOne', 'Arn'] },
        TimeoutInMillis: 100,
      }),
      Impatient: integration({ TimeoutInMillis: 100 }),
      Authorizer: {
        Type: 'AWS::ApiGatewayV2::Authorizer',
        Properties: {
          ApiId: { Ref: 'Api' },
          AuthorizerType: 'REQUEST',
          Name: 'check',
          AuthorizerPayloadFormatVersion: '2.0',
          AuthorizerUri: { 'Fn::Join': ['', uri] },
          EnableSimpleResponses: true,
          IdentitySource: ['$request.header.X-API-Key'],
          AuthorizerResultTtlInSeconds: 60,
        },
      },
      Anything: route('ANY /{path}'),
      Thing: route('POST /things/{id}'),
      Things: route('GET /things/{rest+}'),
      Special: route('POST /things/special'),
      Impatience: route('GET /wait', { Target: { 'Fn::Join': ['/', ['integrations', { Ref: 'Impatient' }]] } }),
      Queue: route('GET /second', { Target: { 'Fn::Join': ['/', ['integrations', { Ref: 'ToOneByOne' }]] } }),
      Closed: route('GET /closed', { AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: 'Authorizer' } }),
    },
    Outputs: {
      ApiUrl: {
        Value: {
          'Fn::Join': [
            '',
            ['https://', { Ref: 'Api' }, '.execute-api.', { Ref: 'AWS::Region' }, '.', { Ref: 'AWS::URLSuffix' }, '/'],
          ],
        },
      },
    },
  })
}, 30_000)

afterAll(() => system.close())

async function call(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const response = await fetch(system.apiUrl + path, init)
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text, headers: response.headers }
}

test('a stack output with the API’s address on AWS has the address on this machine in the local system', () => {
  expect(system.outputs.ApiUrl).toBe(`${system.apiUrl}/`)
})

describe('the event of the local API for a function', () => {
  test('has path, query, headers and a text body in payload format 2.0', async () => {
    const { body } = await call('/things/a%20b?x=1&x=2&y=%C3%A9', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json; charset=utf-8', Cookie: 'a=1; b=2' },
      body: '{"prompt":"é"}',
    })

    expect(body).toMatchObject({
      version: '2.0',
      routeKey: 'POST /things/{id}',
      rawPath: '/things/a%20b',
      rawQueryString: 'x=1&x=2&y=%C3%A9',
      queryStringParameters: { x: '1,2', y: 'é' },
      pathParameters: { id: 'a b' },
      cookies: ['a=1', 'b=2'],
      headers: { 'content-type': 'application/json; charset=utf-8', host: expect.any(String) },
      body: '{"prompt":"é"}',
      isBase64Encoded: false,
      requestContext: {
        http: { method: 'POST', path: '/things/a%20b', sourceIp: '127.0.0.1', protocol: 'HTTP/1.1' },
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
        routeKey: 'POST /things/{id}',
        stage: '$default',
      },
    })
  })

  test('the event has a body in base64 if the body of the HTTP request is not text', async () => {
    const { body } = await call('/echo', { method: 'PUT', body: new Uint8Array([0, 255, 128]) })

    expect(body).toMatchObject({ body: 'AP+A', isBase64Encoded: true })
  })

  test('the event has no body, cookies or query parameters if the HTTP request has none', async () => {
    const { body } = await call('/echo')

    for (const name of ['body', 'cookies', 'queryStringParameters']) expect(body).not.toHaveProperty(name)
  })

  test('the event has the joined values of a header that occurs twice', async () => {
    const answer = Promise.withResolvers<string>()
    const headers = ['Host', new URL(system.apiUrl).host, 'X-Twice', 'one', 'x-twice', 'two']
    request(`${system.apiUrl}/echo`, { headers }, response =>
      response.setEncoding('utf8').on('data', answer.resolve),
    ).end()

    expect(JSON.parse(await answer.promise).headers['x-twice']).toBe('one,two')
  })
})

describe('the route that the local API chooses', () => {
  test.for([
    ['POST', '/things/special', 'POST /things/special'],
    ['POST', '/things/other', 'POST /things/{id}'],
    ['GET', '/things/a/b', 'GET /things/{rest+}'],
    ['PATCH', '/any', 'ANY /{path}'],
  ])('for %s %s is %s', async ([method, path, routeKey]) => {
    expect((await call(path as string, { method: method as string })).body).toMatchObject({ routeKey })
  })

  test.for(['/', '/no/such/path', '/any/'])('for GET %s does not exist, and the answer is 404', async path => {
    expect(await call(path)).toMatchObject({ status: 404, body: { message: 'Not Found' } })
  })
})

describe('the answer of the local API', () => {
  test('has the status, headers, cookies and bytes that the function returned', async () => {
    const response = await fetch(`${system.apiUrl}/bytes`)

    expect(response.status).toBe(201)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(await response.bytes()).toEqual(new Uint8Array([0, 255, 128]))
  })

  test('is JSON with status 200 if the function returned no status', async () => {
    expect(await call('/plain')).toMatchObject({ status: 200, body: { hello: 'world' } })
  })

  test.for(['/throw', '/exit', '/malformed', '/large', '/hoard'])(
    'the answer to GET %s is an internal server error, because the function fails or its result is wrong; the next call is answered',
    { timeout: 20_000 },
    async path => {
      expect(await call(path)).toMatchObject({ status: 500, body: { message: 'Internal Server Error' } })
      expect(await call('/plain')).toMatchObject({ status: 200 })
    },
  )

  test('if the function runs in an endless loop until its timeout, the answer is an internal server error, and the next call is answered', async () => {
    expect(await call('/loop')).toMatchObject({ status: 500, body: { message: 'Internal Server Error' } })
    expect(await call('/plain')).toMatchObject({ status: 200 })
  })

  test('the answer is "service unavailable" if the function takes longer than the timeout of the API’s integration', async () => {
    expect(await call('/wait')).toMatchObject({ status: 503, body: { message: 'Service Unavailable' } })
  })

  test('if no thread of the function becomes free in time, the answer is "service unavailable", and the function never runs for this call', async () => {
    const first = system.invoke('OneByOne', { rawPath: '/first' })
    await oneByOneCalls.until(1)

    expect(await call('/second')).toMatchObject({ status: 503, body: { message: 'Service Unavailable' } })
    const third = system.invoke('OneByOne', { rawPath: '/third' })

    expect(await first).toMatchObject({ ok: false, error: { errorType: 'Sandbox.Timedout' } })
    expect(await third).toMatchObject({ ok: true })
    expect(oneByOneCalls.read()).toEqual([{ path: '/first' }, { path: '/third' }])
  })

  test.for([7, 11])(
    'the answer to a call with a body of %i MB is 413, because the body is too large',
    async megabytes => {
      const answer = await call('/echo', { method: 'POST', body: 'x'.repeat(megabytes * 1024 * 1024) })

      expect(answer).toMatchObject({ status: 413, body: { message: 'Request Entity Too Large' } })
    },
  )

  test.for([
    { of: 'letters', body: 'x', type: 'application/json', status: 200 },
    { of: 'quotes, as text', body: '"', type: 'application/json', status: 413 },
    { of: 'control characters, as text', body: '\u0001', type: 'text/plain', status: 413 },
    { of: 'quotes, as bytes', body: '"', type: 'application/octet-stream', status: 200 },
  ])(
    'the answer to a call with 3.5 MB of $of is $status, since the event’s size after the escaping of the body counts',
    async ({ body, type, status }) => {
      const answer = await call('/plain', {
        method: 'POST',
        headers: { 'content-type': type },
        body: body.repeat(3.5 * 1024 * 1024),
      })

      expect(answer.status).toBe(status)
      if (status === 413) expect(answer.body).toEqual({ message: 'Request Entity Too Large' })
    },
  )
})

describe('the authorizer of the local API', () => {
  let before: number
  beforeEach(() => {
    before = authorizerCalls.read().length
  })
  const calls = () => authorizerCalls.read().length - before

  test('gives its context to the function of an allowed call, and is invoked only once per key', async () => {
    const first = await call('/closed', { headers: { 'x-api-key': 'alice' } })
    const second = await call('/closed', { headers: { 'X-API-KEY': 'alice' } })

    expect(first.body).toMatchObject({ requestContext: { authorizer: { lambda: { userId: 'alice' } } } })
    expect(second.body).toMatchObject({ requestContext: { authorizer: { lambda: { userId: 'alice' } } } })
    expect(calls()).toBe(1)
  })

  test('the authorizer is not invoked for a call without a key, which is answered with 401', async () => {
    expect(await call('/closed')).toMatchObject({ status: 401, body: { message: 'Unauthorized' } })
    expect(calls()).toBe(0)
  })

  test('the authorizer refuses a call with a wrong key, and is not invoked again for this key', async () => {
    for (let attempt = 0; attempt < 2; attempt++)
      expect(await call('/closed', { headers: { 'x-api-key': 'wrong' } })).toMatchObject({
        status: 403,
        body: { message: 'Forbidden' },
      })
    expect(calls()).toBe(1)
  })

  test('an authorizer that fails causes an internal server error, and is invoked again for the next call with the same key', async () => {
    for (let attempt = 0; attempt < 2; attempt++)
      expect(await call('/closed', { headers: { 'x-api-key': 'throw' } })).toMatchObject({
        status: 500,
        body: { message: 'Internal Server Error' },
      })
    expect(calls()).toBe(2)
  })
})
