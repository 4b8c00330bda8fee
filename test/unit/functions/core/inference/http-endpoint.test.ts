import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  type EndpointSettings,
  httpEndpoint,
  type ReadSecret,
} from '../../../../../functions/core/inference/http-endpoint.ts'
import { Defect, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { movableClock } from '../../../../support/clock.ts'
import { judging } from '../../../../support/judging.ts'
import { expectedSignature, readAuthorization } from '../../../../support/sigv4.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/predict`
}

const noSecret: ReadSecret = () => Promise.reject(new Error('asked for a secret'))
const endpoint = (url: string, more: Partial<EndpointSettings> = {}, readSecret = noSecret) =>
  judging(httpEndpoint({ url, timeout_ms: 5_000, headers: {}, ...more }, readSecret))

/** A model's server that answers with this status and text. */
const answering =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, headers).end(body)
  }

/** Makes a call, and returns the HTTP request that the model received. */
async function callAndSee(more: Partial<EndpointSettings>, path = '', readSecret = noSecret) {
  const seen: { request: IncomingMessage; body: string }[] = []
  const url = await serve(async (request, response) => {
    seen.push({ request, body: await text(request) })
    response.end('{}')
  })
  const answer = await endpoint(url + path, more, readSecret).call('r1', { model_input: 'é\u{1f600}' })
  const [first] = seen
  if (!first) throw new Error(`the model was not asked: ${JSON.stringify(answer)}`)
  return { ...first, url, answer }
}

describe('httpEndpoint: a redirect', () => {
  it.each([301, 302, 303, 307, 308])(
    'is not followed after the status %i, so its target gets neither the body nor the secret',
    async status => {
      const reached: string[] = []
      const elsewhere = await serve((request, response) => {
        reached.push(String(request.url))
        response.end('{"result": "of another host"}')
      })
      const url = await serve((_, response) => response.writeHead(status, { location: elsewhere }).end())
      const auth = { header: 'authorization', prefix: 'Bearer ', secret: 'K' }

      const answer = await endpoint(url, { auth }, async () => 'hunter2').call('r1', { model_input: 'p' })

      expect(answer).toMatchObject({ ok: false, code: 'model_rejected', status })
      expect(reached).toEqual([])
    },
  )

  it.each([
    { location: '//evil.example/x', where: 'http://evil.example' },
    { location: '/predict/', where: 'another path' },
  ])('names a target that is relative to the URL of the call: $location', async ({ location, where }) => {
    const url = await serve(answering(307, '', { location }))

    expect(await endpoint(url).call('r1', {})).toMatchObject({
      message: expect.stringContaining(`redirects to ${where} with 307`),
    })
  })
})

describe('httpEndpoint: a call to the model', () => {
  it('is a POST of JSON with the request’s id as idempotency key', async () => {
    const { request, body } = await callAndSee({})

    expect(request.method).toBe('POST')
    expect(JSON.parse(body)).toEqual({ model_input: 'é\u{1f600}' })
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'idempotency-key': 'r1',
    })
  })

  it('opens a new connection, since a kept connection may be dead after Lambda has frozen the function', async () => {
    const { request } = await callAndSee({})

    expect(request.headers.connection).toBe('close')
  })

  it('a call goes to exactly the path and query of the configured URL', async () => {
    const { request } = await callAndSee({}, '/v1%2Fx?a=1&a=2&b=%20c&d')

    expect(request.url).toBe('/predict/v1%2Fx?a=1&a=2&b=%20c&d')
  })

  it('a call carries the configured headers, and the secret behind its prefix', async () => {
    const { request } = await callAndSee(
      { headers: { 'X-Tenant': 'a' }, auth: { header: 'Authorization', prefix: 'Bearer ', secret: 'NAME' } },
      '',
      async name => `secret of ${name}`,
    )

    expect(request.headers).toMatchObject({ 'x-tenant': 'a', authorization: 'Bearer secret of NAME' })
  })

  it('a call for a batch of several requests has no idempotency key', async () => {
    const seen: IncomingMessage[] = []
    const url = await serve((request, response) => {
      seen.push(request)
      response.end('{}')
    })

    await endpoint(url).call(undefined, {})

    expect(seen).toHaveLength(1)
    expect(seen[0]?.headers).not.toHaveProperty('idempotency-key')
  })

  it('if the secret can’t be read, the model is not called: the call fails with Unavailable, so the message is redelivered', async () => {
    const url = await serve(() => expect.unreachable())
    const auth = { header: 'Authorization', prefix: '', secret: 'NAME' }
    const unreadable = () => Promise.reject(new Unavailable('the secret', 'down'))

    await expect(endpoint(url, { auth }, unreadable).call('r1', {})).rejects.toThrow(Unavailable)
  })
})

describe('httpEndpoint: a model that answers 401', () => {
  const auth = { header: 'authorization', prefix: 'Bearer ', secret: 'NAME', field: 'apiKey' }

  /** Calls a model that accepts only the key `accepted`. Each read of the secret gives the next of `keys`. */
  async function callWithKeys(accepted: string, keys: readonly (string | Error)[], timeoutMs = 5_000) {
    const seen: unknown[] = []
    const wanted: unknown[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(request.headers.authorization === `Bearer ${accepted}` ? 200 : 401).end('{"a":1}')
    })
    const { clock, advance } = movableClock()
    const readSecret: ReadSecret = async (name, which) => {
      advance(10)
      wanted.push({ name, ...which })
      const key = keys[wanted.length - 1]
      if (typeof key === 'string') return key
      throw key
    }
    let further = 0
    const onFurtherCall = () => {
      further += 1
    }
    const settings = { url, timeout_ms: timeoutMs, headers: {}, auth }
    const startedAt = clock()
    const reply = await httpEndpoint(settings, readSecret, { clock, onFurtherCall }).call('r1', {})
    return { reply, seen, wanted, further, startedAt }
  }

  it('a model that answers 401 is called once more if the secret has changed, with the new secret, and the second call is counted', async () => {
    const { reply, seen, wanted, further, startedAt } = await callWithKeys('new', ['old', 'new'])

    expect(reply).toMatchObject({ kind: 'answered', status: 200 })
    expect(seen).toEqual(['Bearer old', 'Bearer new'])
    expect(further).toBe(1)
    expect(wanted).toEqual([
      { name: 'NAME', field: 'apiKey' },
      { name: 'NAME', field: 'apiKey', after: startedAt },
    ])
  })

  it('a model is not called a third time if it answers 401 to the changed secret, too', async () => {
    const { reply, seen } = await callWithKeys('other', ['old', 'new', 'newer'])

    expect(reply).toMatchObject({ kind: 'answered', status: 401 })
    expect(seen).toEqual(['Bearer old', 'Bearer new'])
  })

  it.each([
    { what: 'the secret has not changed', next: 'old', timeoutMs: 5_000 },
    { what: 'the secret can’t be read again', next: new Unavailable('the secret', 'down'), timeoutMs: 5_000 },
    {
      what: 'the changed secret has not the configured field',
      next: new Defect('the secret', 'no field'),
      timeoutMs: 5_000,
    },
    { what: 'too little time is left', next: 'new', timeoutMs: 1_000 },
  ])('a model that answers 401 is not called again if $what', async ({ next, timeoutMs }) => {
    const { reply, seen, further } = await callWithKeys('new', ['old', next], timeoutMs)

    expect(reply).toMatchObject({ kind: 'answered', status: 401 })
    expect(seen).toEqual(['Bearer old'])
    expect(further).toBe(0)
  })

  it('a model that answers 401 is not called again if its calls have no secret', async () => {
    let calls = 0
    const url = await serve((_, response) => {
      calls += 1
      response.writeHead(401).end('{}')
    })

    expect(await httpEndpoint({ url, timeout_ms: 5_000, headers: {} }, noSecret).call('r1', {})).toMatchObject({
      status: 401,
    })
    expect(calls).toBe(1)
  })
})

describe('httpEndpoint: a signed call', () => {
  const auth = { sigv4: 'bedrock' }
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('has the signature that AWS computes for the received request', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'KEY')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'the secret')
    vi.stubEnv('AWS_SESSION_TOKEN', 'the session')
    vi.stubEnv('AWS_REGION', 'eu-west-3')

    const path = "/model/us.amazon.nova-lite-v1:0/a%2fb/(c)//d?b='2'&a=x+y&a=1&flag"
    const { request, body } = await callAndSee({ auth, headers: { 'X-Team': '  a   b ', Accept: 'text/plain' } }, path)

    const { scope, signedHeaders, signature } = readAuthorization(String(request.headers.authorization))
    const received = { method: 'POST', target: String(request.url), headers: request.headers, body }
    expect(signature).toBe(expectedSignature(received, { scope, signedHeaders }, 'the secret'))
    expect(scope).toMatch(/^\d{8}\/eu-west-3\/bedrock\/aws4_request$/)
    expect(signedHeaders).toEqual(
      expect.arrayContaining(['content-type', 'host', 'x-amz-content-sha256', 'x-amz-security-token', 'x-team']),
    )
    expect(request.headers.accept).toBe('text/plain')
    expect(request.url).toContain('/model/us.amazon.nova-lite-v1%3A0/a%2Fb/')
  })

  it('a signed call is not made if there are no AWS credentials, and `prepare` reports this before the call', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    const url = await serve(() => expect.unreachable())

    await expect(endpoint(url, { auth }).prepare()).rejects.toThrow(Unavailable)
    await expect(endpoint(url, { auth }).call('r1', {})).rejects.toThrow(Unavailable)
  })
})

describe('httpEndpoint: a secret in the model’s answer', () => {
  it.each([200, 401])('is masked if the status is %i', async status => {
    const url = await serve((request, response) => {
      response.writeHead(status).end(JSON.stringify({ error: `wrong key: ${request.headers.authorization}` }))
    })
    const auth = { header: 'authorization', prefix: 'Bearer ', secret: 'NAME' }

    const answer = await endpoint(url, { auth }, async () => 'hunter2-hunter2').call('r1', {})

    expect(JSON.stringify(answer)).not.toContain('hunter2')
    expect(JSON.stringify(answer)).toContain('wrong key')
  })
})

describe('httpEndpoint: the model’s answer', () => {
  it.each(['{"a":1}', '[]', 'null', '"text"', '1e300', ' {} '])('is accepted if it is JSON: %s', async body => {
    const url = await serve(answering(200, body))

    expect(await endpoint(url).call('r1', {})).toMatchObject({ ok: true, answer: JSON.parse(body) })
  })

  it('an answer may have 8 MB, and may come in pieces that split a character', async () => {
    const long = JSON.stringify('é'.repeat(4_000_000))
    const url = await serve((_, response) => {
      const bytes = Buffer.from(long)
      response.write(bytes.subarray(0, 1_001))
      response.end(bytes.subarray(1_001))
    })

    expect(await endpoint(url).call('r1', {})).toMatchObject({ ok: true, answer: JSON.parse(long) })
  })

  it('an answer with more lists and objects than a worker has memory for is refused before it is parsed', async () => {
    const url = await serve(answering(200, `[${'{},'.repeat(2_500_000)}0]`))

    expect(await endpoint(url).call('r1', {})).toMatchObject({
      ok: false,
      code: 'invalid_model_response',
      message: "the model's answer has over 500,000 lists, objects and fields (200)",
      reached: true,
    })
  })

  it('an answer whose compressed body is cut off is refused with its status and its type', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const url = await serve((_, response) => {
      response.writeHead(201, headers).end(gzipSync('{"result":"a long enough answer"}').subarray(0, 30))
    })

    expect(await endpoint(url).call('r1', {})).toMatchObject({
      ok: false,
      code: 'invalid_model_response',
      message: "the model's answer can't be decoded from the content encoding gzip (201, application/json)",
    })
  })

  it.each([
    { status: 500, code: 'model_error' },
    { status: 503, code: 'model_error' },
    { status: 599, code: 'model_error' },
    { status: 429, code: 'model_error' },
    { status: 400, code: 'model_rejected' },
    { status: 404, code: 'model_rejected' },
    { status: 302, code: 'model_rejected' },
  ])('an answer with the status $status is the failure $code', async ({ status, code }) => {
    const url = await serve(answering(status, '{"error":"its own words"}', { location: 'http://127.0.0.1:1/' }))

    const answer = await endpoint(url).call('r1', {})

    expect(answer).toMatchObject({
      ok: false,
      code,
      message: expect.stringContaining(String(status)),
      reached: true,
      status,
      ...(status >= 400 && { detail: 'its own words' }),
    })
  })

  it.each(['7', ' 7 '])('an answer tells for how long the model wants no calls (Retry-After: %j)', async value => {
    const url = await serve(answering(429, '{}', { 'retry-after': value }))

    expect(await endpoint(url).call('r1', {})).toMatchObject({ status: 429, retry_after_ms: 7_000 })
  })

  it('an error with 100,000 levels gets a verdict', async () => {
    const url = await serve(answering(400, '['.repeat(100_000) + ']'.repeat(100_000)))

    expect(await endpoint(url).call('r1', {})).toMatchObject({ ok: false, code: 'model_rejected', status: 400 })
  })

  it.each([
    { what: 'no JSON', body: 'no JSON' },
    { what: 'nothing', body: '' },
    { what: 'half of it', body: '{"a":' },
  ])('an answer with the status 200 is invalid if it is $what', async ({ body }) => {
    const url = await serve(answering(200, body))

    const answer = await endpoint(url).call('r1', {})

    expect(answer).toMatchObject({ ok: false, code: 'invalid_model_response' })
  })

  it('an answer over 8 MB is refused as too large, and its rest is not read', async () => {
    const chunk = 'x'.repeat(1_000_000)
    const url = await serve((_, response) => {
      const more = () => {
        while (response.write(chunk));
        response.once('drain', more)
      }
      more()
    })

    expect(await endpoint(url).call('r1', {})).toMatchObject({ ok: false, code: 'result_too_large' })
  })
})

describe('httpEndpoint: a model that does not answer', () => {
  it.each([
    { what: 'at all', answer: () => undefined },
    {
      what: 'to the end',
      answer: ((_, response) => {
        response.writeHead(200).write('{"a":')
      }) satisfies RequestListener,
    },
  ])('the call has timed out if the model does not answer $what', async ({ answer }) => {
    const url = await serve(answer)

    expect(await endpoint(url, { timeout_ms: 150 }).call('r1', {})).toMatchObject({
      ok: false,
      code: 'model_timeout',
      message: 'the model did not answer within 0.15 s',
      reached: true,
    })
  })

  it.each([
    {
      what: 'closes the connection',
      answer: (request => {
        request.socket.destroy()
      }) satisfies RequestListener,
    },
    {
      what: 'resets the connection',
      answer: (request => {
        request.socket.resetAndDestroy()
      }) satisfies RequestListener,
    },
    {
      what: 'breaks off in the middle of its answer',
      answer: ((request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"a":', () => request.socket.destroy())
      }) satisfies RequestListener,
    },
    {
      what: 'breaks off in the middle of a chunked answer that would be JSON',
      answer: ((request, response) => {
        response.writeHead(200).write('{}', () => request.socket.destroy())
      }) satisfies RequestListener,
    },
  ])(
    'a model that $what is unreachable, but counts as called, since it may have received the request',
    async ({ answer }) => {
      const url = await serve(answer)

      expect(await endpoint(url).call('r1', {})).toMatchObject({ ok: false, code: 'model_unreachable', reached: true })
    },
  )

  it('a model that refuses the connection is unreachable, and was not called', async () => {
    const url = await serve(answering(200, '{}'))
    servers[0]?.close()
    servers[0]?.closeAllConnections()

    expect(await endpoint(url).call('r1', {})).toMatchObject({
      ok: false,
      code: 'model_unreachable',
      message: 'the model could not be reached (ECONNREFUSED)',
      reached: false,
    })
  })

  it('a model whose host name does not exist is unreachable', async () => {
    expect(await endpoint('http://no-such-host.invalid/predict').call('r1', {})).toMatchObject({
      ok: false,
      code: 'model_unreachable',
    })
  })
})
