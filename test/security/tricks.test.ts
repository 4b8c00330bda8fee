import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newKey } from '../../functions/core/stores/access/key.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { type ApiClient, createApiClient } from '../e2e/support/api-client.ts'
import { internalsOfAnswer } from '../e2e/support/internals.ts'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { type RawAnswer, type RawRequest, rawRequest, sendOne, sendRaw } from '../e2e/support/raw-http.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

let model: TestModel
let system: RunningSystem
let key: string
let victim: ApiClient & { readonly user: string }
const heard: string[] = []

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('held.yaml'), MODEL_URL: model.url })
  key = (await createKey(system.admin, { user: 'tricky' })).created.key
  victim = await system.newUser()
}, 180_000)
afterAll(async () => {
  await system?.stop()
  await model?.close()
})

const keyLine = () => `X-API-Key: ${key}`

/** Sends a request, and returns its only answer. If the answer has a body, it must be JSON. */
async function ask(request: RawRequest) {
  const answer = await sendOne(system.apiUrl, request)
  return answer && seen(answer)
}

function seen({ status, headers, body }: RawAnswer) {
  heard.push(JSON.stringify(headers) + body)
  return { status, headers, body: body === '' ? undefined : (JSON.parse(body) as Record<string, unknown>) }
}

/** Refusals by Sluice, by API Gateway and by Node's HTTP parser. Node's answer has no body. On AWS, API Gateway's own servers refuse such a request. */
const NOT_FOUND = { status: 404, body: { status: 'error', code: 'not_found' } }
const NO_ADDRESS = { status: 404, body: { message: 'Not Found' } }
const UNREADABLE = { status: 400, body: undefined }

/**
 * Request targets that a proxy, a router or a file system could mistake for `/v1/quota`, or for a path that needs no key. Each must get the
 * same answer with a key and without a key.
 */
const TARGETS: readonly (readonly [target: string, expected: object])[] = [
  ['//v1/quota', NOT_FOUND],
  ['///v1/quota', NOT_FOUND],
  ['/v1//quota', NOT_FOUND],
  ['/v1/quota/', NOT_FOUND],
  ['/V1/quota', NOT_FOUND],
  ['/v1/QUOTA', NOT_FOUND],
  ['/v1/./quota', NOT_FOUND],
  ['/v1/quota/.', NOT_FOUND],
  ['/v1/../v1/quota', NOT_FOUND],
  ['/v1/inference/../quota', NOT_FOUND],
  ['/v1/%2e%2e/v1/quota', NOT_FOUND],
  ['/v1/..%5cv1/quota', NOT_FOUND],
  ['/v1%2fquota', NOT_FOUND],
  ['/v1%252fquota', NOT_FOUND],
  ['/v1/quot%61', NOT_FOUND],
  ['/%76%31/quota', NOT_FOUND],
  ['/v1/quota%20', NOT_FOUND],
  ['/v1/quota%09', NOT_FOUND],
  ['/v1/quota%00', NOT_FOUND],
  ['/v1/quota%0d%0aX-Evil:%201', NOT_FOUND],
  ['/v1/quota%3fa=b', NOT_FOUND],
  ['/v1/quota%23x', NOT_FOUND],
  ['/v1/quota#x', NOT_FOUND],
  ['/v1/quota;a=b', NOT_FOUND],
  ['/v1/quota,', NOT_FOUND],
  ['/v1/quota.json', NOT_FOUND],
  ['/v1/quota%', NOT_FOUND],
  ['/v1/quota%zz', NOT_FOUND],
  ['/v1/%c0%afquota', NOT_FOUND],
  ['/v1%c0%afquota', NOT_FOUND],
  ['/v1/%ef%bc%8fquota', NOT_FOUND],
  ['/v1\\quota', NOT_FOUND],
  ['/v1/*', NOT_FOUND],
  ['/v1/{proxy+}', NOT_FOUND],
  ['/$default', NOT_FOUND],
  ['/$default/v1/quota', NOT_FOUND],
  ['/prod/v1/quota', NOT_FOUND],
  ['/healthz/', NOT_FOUND],
  ['/healthz/../v1/quota', NOT_FOUND],
  ['/healthz/%2e%2e/v1/quota', NOT_FOUND],
  ['/healthz/..%2fv1%2fquota', NOT_FOUND],
  ['/healthz/..;/v1/quota', NOT_FOUND],
  ['/healthz;/v1/quota', NOT_FOUND],
  ['/healthz%00/v1/quota', NOT_FOUND],
  ['/healthz#/v1/quota', NOT_FOUND],
  ['/../../etc/passwd', NOT_FOUND],
  ['/local.json', NOT_FOUND],
  [`/${'a'.repeat(9_000)}`, NOT_FOUND],
  [`/v1/quota/${'../'.repeat(3_000)}v1/quota`, NOT_FOUND],
  ['http://127.0.0.1/v1/quota', NO_ADDRESS],
  ['http://evil.example/v1/quota', NO_ADDRESS],
  ['http://127.0.0.1/healthz', NO_ADDRESS],
  ['*', NO_ADDRESS],
  [`/${'a'.repeat(40_000)}`, { status: 431, body: undefined }],
  ['v1/quota', UNREADABLE],
  ['?/v1/quota', UNREADABLE],
  ['\\v1\\quota', UNREADABLE],
  ['/v1/quot\xe9', UNREADABLE],
  ['/v1/\xff\xfe', UNREADABLE],
  ['/v1/quota\x00', UNREADABLE],
  ['/v1/quota\x01', UNREADABLE],
  ['/v1/quota HTTP/1.0', UNREADABLE],
  ['/v1/quota\rX-Evil: 1', UNREADABLE],
]

describe('request targets that are no path of Sluice', () => {
  test.for(TARGETS)(
    'this request target is refused in the same way with a key and without a key: %j',
    async ([target, expected]) => {
      for (const headers of [[], [keyLine()]])
        for (const method of ['GET', 'POST', 'DELETE'])
          expect(await ask({ method, target, headers })).toMatchObject(expected)
    },
  )
})

/** Request targets that are a path of Sluice with an unusual query or an unusual id, and the answer to a call with a valid key. */
const LIKE_THE_PATH: readonly (readonly [target: string, withKey: object])[] = [
  ['/v1/quota?', { status: 200 }],
  ['/v1/quota??a=b', { status: 200 }],
  ['/v1/quota?/../healthz', { status: 200 }],
  ['/v1/quota?#x', { status: 200 }],
  [`/v1/quota?${'a'.repeat(9_000)}`, { status: 200 }],
  ['/v1/quota?x-api-key=mine', { status: 200 }],
  ['/v1/inference?', { status: 200 }],
  ['/v1/inference?limit=1&limit=2', { status: 400 }],
  ['/v1/inference?limit[]=1&limit[$gt]=1', { status: 200 }],
  ['/v1/inference/%00', NOT_FOUND],
  ['/v1/inference/%', NOT_FOUND],
  ['/v1/inference/%ff', NOT_FOUND],
  ['/v1/inference/%c0%af', NOT_FOUND],
  ['/v1/inference/%0d%0aX-Evil:%201', NOT_FOUND],
  ['/v1/inference/..', NOT_FOUND],
  ['/v1/inference/%2e%2e', NOT_FOUND],
  ['/v1/inference/..%2fquota', NOT_FOUND],
  ['/v1/inference/{request_id}', NOT_FOUND],
  [`/v1/inference/${'a'.repeat(9_000)}`, NOT_FOUND],
]

describe('request targets that are a path of Sluice', () => {
  test.for(LIKE_THE_PATH)('this request target needs a valid key: %j', async ([target, withKey]) => {
    expect(await ask({ target })).toMatchObject({ status: 401, body: { message: 'Unauthorized' } })
    expect(await ask({ target, headers: [`X-API-Key: ${newKey()}`] })).toMatchObject({ status: 403 })
    expect(await ask({ target, headers: [keyLine()] })).toMatchObject(withKey)
  })

  test.for(['/healthz?/v1/quota', '/healthz?x-api-key=mine'])(
    'this request target gets only the answer of /healthz: %s',
    async target => {
      expect(await ask({ target })).toMatchObject({ status: 200, body: { status: 'ok' } })
    },
  )
})

/** Headers with keys, and the status of the answer. `{key}` is a valid key. */
const KEYS: readonly (readonly [name: string, headers: readonly string[], status: number])[] = [
  ['in small letters', ['x-api-key: {key}'], 200],
  ['in capital letters', ['X-API-KEY: {key}'], 200],
  ['with white space around', ['X-API-Key: \t {key} \t '], 200],
  ['that is missing', [], 401],
  ['that is empty', ['X-API-Key:'], 401],
  ['that is only white space', ['X-API-Key: \t '], 401],
  ['after an invalid key', ['X-API-Key: nonsense', 'X-API-Key: {key}'], 403],
  ['before an invalid key', ['X-API-Key: {key}', 'X-API-Key: nonsense'], 403],
  ['after an empty key', ['X-API-Key:', 'X-API-Key: {key}'], 403],
  ['that is sent twice', ['X-API-Key: {key}', 'X-API-Key: {key}'], 403],
  ['in a list', ['X-API-Key: nonsense,{key}'], 403],
  ['in quotes', ['X-API-Key: "{key}"'], 403],
  ['with an underscore in its name', ['X_API_Key: {key}'], 401],
  ['in a cookie', ['Cookie: X-API-Key={key}'], 401],
  ['in a cookie, with an invalid key in the header', ['Cookie: X-API-Key={key}', 'X-API-Key: nonsense'], 403],
  ['as a password', ['Authorization: Basic {key}'], 401],
  ['for a proxy', ['Proxy-Authorization: {key}'], 401],
  ['as a trailer', ['Trailer: X-API-Key'], 401],
  ['of 8 KB', [`X-API-Key: ${'x'.repeat(8_000)}`], 403],
  ['with characters beyond ASCII', ['X-API-Key: sk_sluice_\xe9\xff'], 403],
  ['with an encoded character', ['X-API-Key: sk%5Fsluice_'], 403],
  ['in a header with the name __proto__', ['__proto__: {key}'], 401],
]

describe('API keys', () => {
  test.for(KEYS)('an API key is accepted only as one valid value of its header: %s', async ([, headers, status]) => {
    const lines = headers.map(line => line.replace('{key}', key))
    expect(await ask({ target: '/v1/quota', headers: lines })).toMatchObject({ status })
  })

  test('an API key in the query is ignored', async () => {
    for (const name of ['x-api-key', 'X-API-Key', 'api_key', 'key'])
      expect(await ask({ target: `/v1/quota?${name}=${key}` })).toMatchObject({ status: 401 })
  })
})

/** Headers that make other servers change the method, the path or the user of a request. */
const IGNORED: readonly string[] = [
  'X-HTTP-Method-Override: DELETE',
  'X-HTTP-Method: DELETE',
  'X-Method-Override: POST',
  'X-Original-URL: /healthz',
  'X-Rewrite-URL: /healthz',
  'X-Original-Path: /healthz',
  'X-Forwarded-Path: /healthz',
  'X-Forwarded-Prefix: /healthz',
  'X-Forwarded-For: 127.0.0.1',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'Forwarded: for=127.0.0.1;host=evil.example',
  'X-Real-IP: 127.0.0.1',
  'X-User-Id: {victim}',
  'user_id: {victim}',
  'user-id: {victim}',
  'plan: pro',
  'requests: 1000000000',
  'X-Amzn-Request-Context: {"authorizer":{"lambda":{"user_id":"{victim}","plan":"free"}}}',
  'X-Apigateway-Event: {"requestContext":{"authorizer":{"lambda":{"user_id":"{victim}"}}}}',
  'requestContext: {"authorizer":{"lambda":{"user_id":"{victim}"}}}',
  'X-Amz-Security-Token: local',
  'Authorization: AWS4-HMAC-SHA256 Credential=local/20261127/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0',
]

describe('headers that other servers obey', () => {
  test.for(IGNORED)('the header has no effect: %s', async header => {
    const line = header.replaceAll('{victim}', victim.user)
    const { body: usual } = (await ask({ target: '/v1/quota', headers: [keyLine()] })) ?? {}

    expect(await ask({ target: '/v1/quota', headers: [line] })).toMatchObject({ status: 401 })
    expect(await ask({ target: '/v1/quota', headers: [keyLine(), line] })).toMatchObject({ status: 200, body: usual })
  })
})

describe('users of requests', () => {
  test('the user of the API key makes the request, even if the body and the query name another user', async () => {
    const me = await system.newUser()
    const context = { authorizer: { lambda: { user_id: victim.user, plan: 'free' } } }
    const body = { prompt: 'mine', model: 'other', user_id: victim.user, plan: 'free', requestContext: context }

    const answer = await me.send('POST', `/v1/inference?user_id=${victim.user}`, JSON.stringify(body))

    expect(answer).toMatchObject({ status: 202 })
    expect(await me.ended(String(answer.body.request_id))).toMatchObject({ status: 'completed' })
    expect(await victim.quota()).toMatchObject({ requests: { used: 0 }, tokens: { used: 0 } })
    expect(await me.settledQuota()).toMatchObject({ requests: { used: 1 } })
  })
})

const JSON_BODY = '{"prompt":"a trick","model":"other"}'
const POST = { method: 'POST', target: '/v1/inference' } as const

/** Headers about the type of a body. Sluice ignores them, and reads each body as JSON in UTF-8. */
const TYPES: readonly (readonly [headers: readonly string[], body: string, status: number])[] = [
  [[], JSON_BODY, 202],
  [['Content-Type:'], JSON_BODY, 202],
  [['Content-Type: application/json'], JSON_BODY, 202],
  [['Content-Type: APPLICATION/JSON; charset=utf-8'], JSON_BODY, 202],
  [['Content-Type: application/vnd.api+json'], JSON_BODY, 202],
  [['Content-Type: text/plain'], JSON_BODY, 202],
  [['Content-Type: application/x-www-form-urlencoded'], JSON_BODY, 202],
  [['Content-Type: application/octet-stream'], JSON_BODY, 202],
  [['Content-Type: application/json; charset=utf-16'], JSON_BODY, 202],
  [['Content-Type: nonsense'], JSON_BODY, 202],
  [['Content-Type: application/json', 'Content-Type: text/html'], JSON_BODY, 202],
  [['Content-Type: application/x-www-form-urlencoded'], 'prompt=a+trick', 400],
  [
    ['Content-Type: multipart/form-data; boundary=b'],
    '--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na\r\n--b--\r\n',
    400,
  ],
  [['Content-Type: application/xml'], '<prompt>a trick</prompt>', 400],
  [['Content-Type: application/json; charset=utf-16'], Buffer.from(JSON_BODY, 'utf16le').toString('latin1'), 400],
  [['Content-Type: application/octet-stream'], '{"prompt":"\xff"}', 400],
  [['Content-Type: application/json', 'Content-Encoding: gzip'], gzipSync(JSON_BODY).toString('latin1'), 400],
  [['Content-Encoding: gzip'], gzipSync(JSON_BODY).toString('latin1'), 400],
  [['Content-Encoding: identity'], JSON_BODY, 202],
]

describe('bodies of requests', () => {
  test.for(TYPES)(
    'a body is read as JSON in UTF-8, even if its headers name another type: %j',
    async ([headers, body, status]) => {
      const answer = await ask({ ...POST, headers: [keyLine(), ...headers], body })
      expect(answer).toMatchObject({ status })
      if (status === 400) expect(answer?.body).toMatchObject({ status: 'error', code: 'invalid_request' })
    },
  )

  test('the server asks for a body with the status 100 if the client sends Expect: 100-continue', async () => {
    const headers = [keyLine(), 'Expect: 100-continue']
    const request = rawRequest(system.apiUrl, { ...POST, headers: [...headers, 'Connection: close'], body: JSON_BODY })
    const [first, second] = await sendRaw(system.apiUrl, request)
    expect([first?.status, second?.status]).toEqual([100, 202])
  })
})

/** Unusual values of the headers `Prefer` and `Idempotency-Key`. */
const VALUES: readonly (readonly [headers: readonly string[], status: number, answered?: Record<string, string>])[] = [
  [['Prefer: wait'], 202],
  [['Prefer: wait='], 202],
  [['Prefer: wait=-1'], 202],
  [['Prefer: wait=1.5'], 202],
  [['Prefer: wait=1e9'], 202],
  [['Prefer: wait=0x19'], 202],
  [['Prefer: wait=99999999999999999999'], 202],
  [['Prefer: wait=\xb2'], 202],
  [['Prefer: __proto__=1, wait=0'], 202],
  [['Prefer: respond-async, WAIT = "9"; foo=bar'], 200, { 'preference-applied': 'wait=9' }],
  [['Prefer: wait=9', 'Prefer: wait=0'], 200, { 'preference-applied': 'wait=9' }],
  [['Prefer: wait=0', 'Prefer: wait=9'], 202],
  [['Idempotency-Key: a b,c;d="e"'], 202],
  [['Idempotency-Key: first', 'Idempotency-Key: second'], 202],
  [['Idempotency-Key: first, second'], 202],
  [['Idempotency-Key: \xe9\xff'], 202],
  [['Idempotency-Key: __proto__'], 202],
  [['Idempotency-Key:'], 400],
  [[`Idempotency-Key: ${'x'.repeat(256)}`], 400],
  [[`Idempotency-Key: ${'x'.repeat(200)}`, `Idempotency-Key: ${'x'.repeat(200)}`], 400],
]

describe('headers that Sluice reads', () => {
  test.for(VALUES)(
    'a header with an unusual value gets the documented answer: %j',
    async ([headers, status, answered = {}]) => {
      const answer = await ask({ ...POST, headers: [keyLine(), ...headers], body: JSON_BODY })
      expect(answer).toMatchObject({ status, headers: answered })
    },
  )
})

/** A text that would add a header and a second answer if a server copied it into its answer. */
const INJECTED = 'x\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK'

describe('line ends in values', () => {
  test.for([
    ['metadata', { prompt: 'p', model: 'other', metadata: { note: INJECTED, [INJECTED]: 1 } }, 202],
    ['prompt', { prompt: INJECTED, model: 'other' }, 202],
    ['model', { prompt: 'p', model: INJECTED }, 400],
    ['priority', { prompt: 'p', priority: INJECTED }, 400],
    ['model_type', { prompt: 'p', model: 'other', model_type: INJECTED }, 202],
    ['a name', { prompt: 'p', model: 'other', [INJECTED]: 1 }, 202],
  ] as const)('a line end in the field %s adds no header to the answer', async ([, body, status]) => {
    const answer = await ask({ ...POST, headers: [keyLine()], body: JSON.stringify(body) })

    expect(answer).toMatchObject({ status })
    expect(answer?.headers).not.toHaveProperty('x-evil')
    if (status === 202)
      expect(answer?.headers).toMatchObject({
        location: `/v1/inference/${answer?.body?.request_id}`,
        'x-request-id': answer?.body?.request_id,
      })
  })

  test('a line end in a header makes the request invalid', async () => {
    const headers = [keyLine(), `Idempotency-Key: a\rX-Evil: 1`]
    expect(await ask({ ...POST, headers, body: JSON_BODY })).toMatchObject(UNREADABLE)
  })
})

/**
 * A request that is hidden in the body of another request, or follows a refused request. The server must never answer the hidden request. Otherwise a
 * client could pass a request by a proxy in front of the server that checks requests (request smuggling).
 */
const smuggled = () => rawRequest(system.apiUrl, { target: '/v1/quota', headers: [keyLine()] })

/** Headers from which the length of a request can be read in two ways, and the body of the request. */
const LENGTHS: readonly (readonly [name: string, headers: readonly string[], body: (smuggled: string) => string])[] = [
  ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked'], smuggled => `0\r\n\r\n${smuggled}`],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 5'], smuggled => `0\r\n\r\n${smuggled}`],
  ['two lengths', ['Content-Length: 2', 'Content-Length: 3'], smuggled => `{}${smuggled}`],
  ['a list of lengths', ['Content-Length: 2, 3'], smuggled => `{}${smuggled}`],
  ['a negative length', ['Content-Length: -1'], smuggled => smuggled],
  ['a length with a sign', ['Content-Length: +2'], smuggled => `{}${smuggled}`],
  ['a length in hexadecimal', ['Content-Length: 0x2'], smuggled => `{}${smuggled}`],
  ['a length over 64 bits', ['Content-Length: 99999999999999999999'], smuggled => `{}${smuggled}`],
  ['an unknown coding', ['Transfer-Encoding: identity'], smuggled => `{}${smuggled}`],
  ['chunks that are not the last coding', ['Transfer-Encoding: chunked, identity'], smuggled => `0\r\n\r\n${smuggled}`],
  ['a coding with white space', ['Transfer-Encoding : chunked'], smuggled => `0\r\n\r\n${smuggled}`],
  ['a coding on a second line', ['Transfer-Encoding:', ' chunked'], smuggled => `0\r\n\r\n${smuggled}`],
  ['a chunk without a size', ['Transfer-Encoding: chunked'], smuggled => `x\r\n${smuggled}`],
  ['a chunk of a negative size', ['Transfer-Encoding: chunked'], smuggled => `-1\r\n${smuggled}`],
  ['a chunk longer than its size', ['Transfer-Encoding: chunked'], smuggled => `1\r\n{}\r\n0\r\n\r\n${smuggled}`],
  ['a chunk that ends in a bare line feed', ['Transfer-Encoding: chunked'], smuggled => `2\n{}\n0\n\n${smuggled}`],
  ['a header without a colon', ['Content-Length'], smuggled => smuggled],
  ['a header with a line feed in it', ['A: b\nContent-Length: 2'], smuggled => `{}${smuggled}`],
]

describe('requests with an ambiguous end', () => {
  test.for(LENGTHS)(
    'the server closes the connection, and a request that follows is not answered: %s',
    async ([, headers, body]) => {
      const lines = [keyLine(), 'Connection: keep-alive', ...headers]
      // `rawRequest` would add a `Content-Length` to some of these headers.
      const head = [`POST /v1/inference HTTP/1.1`, `Host: ${new URL(system.apiUrl).host}`, ...lines, '', ''].join(
        '\r\n',
      )

      const answers = (await sendRaw(system.apiUrl, head + body(smuggled()))).map(seen)

      expect(answers).toMatchObject([UNREADABLE])
    },
  )

  test('two complete requests on one connection get one answer each', async () => {
    const first = rawRequest(system.apiUrl, { ...POST, headers: [keyLine()], body: '{}' })
    const second = rawRequest(system.apiUrl, { target: '/healthz', headers: ['Connection: close'] })
    const answers = (await sendRaw(system.apiUrl, first + second)).map(seen)
    expect(answers).toMatchObject([{ status: 400 }, { status: 200, body: { status: 'ok' } }])
  })
})

test('the API still answers after these tests, and no answer contained internal names', async () => {
  expect(await createApiClient(system.apiUrl, key).send('GET', '/v1/quota')).toMatchObject({ status: 200 })
  expect(heard.length).toBeGreaterThan(5 * TARGETS.length)
  expect(heard.filter(answer => answer.includes(key) || answer.includes(victim.user))).toEqual([])
  expect(heard.flatMap(answer => internalsOfAnswer(system, answer))).toEqual([])
})
