import { Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Bounds, post } from '../../../../../functions/core/inference/transport.ts'
import { keepAliveOf } from '../../../../support/keep-alive.ts'
import { type Connection, httpAnswer, type RawServer, serveRaw } from '../../../../support/raw-server.ts'
import { SELF_SIGNED } from '../../../../support/self-signed.ts'

const servers: RawServer[] = []
const trusted = getCACertificates('default')
afterEach(async () => {
  vi.restoreAllMocks()
  setDefaultCACertificates(trusted)
  await Promise.all(servers.splice(0).map(server => server.close()))
})

async function serve(talk: (connection: Connection) => unknown, options: { tls?: boolean } = {}): Promise<RawServer> {
  const server = await serveRaw(talk, options)
  servers.push(server)
  return server
}

/** Posts `body` to a server. */
function call({ origin }: Pick<RawServer, 'origin'>, bounds: Partial<Bounds> = {}, body = '{}') {
  const { protocol, hostname, port } = new URL(origin)
  const headers = { host: hostname, 'content-length': String(Buffer.byteLength(body)) }
  return post(
    { protocol, hostname, port: Number(port), path: '/predict?a=1', headers, body },
    { timeout_ms: 20_000, max_bytes: 1_000_000, ...bounds },
  )
}

/** The result of a call to a server that sends exactly these bytes and then closes the connection. */
async function callOf(...bytes: readonly (string | Uint8Array)[]) {
  const server = await serve(async connection => {
    await connection.request()
    connection.say(...bytes)
    connection.socket.end()
  })
  return call(server)
}

const HEAD = 'HTTP/1.1 200 OK\r\n'
const MB = 1_048_576

describe('post: sends a request to a model and reads the answer', () => {
  it('sends the request, and gives the bytes of the answer', async () => {
    const seen: string[] = []
    const server = await serve(async connection => {
      seen.push(await connection.request())
      connection.say(httpAnswer(201, '{"a":1}', ['X-A: 1', 'Retry-After: 5', 'retry-after: 7']))
    })

    expect(await call(server, {}, '{"model_input":"é"}')).toEqual({
      kind: 'sent',
      status: 201,
      headers: { 'x-a': '1', 'retry-after': '5, 7', 'content-length': '7' },
      bytes: Buffer.from('{"a":1}'),
    })
    expect(seen[0]).toMatch(/^POST \/predict\?a=1 HTTP\/1.1\r\n/)
    expect(Buffer.from(seen[0] ?? '', 'latin1').toString()).toContain('\r\n\r\n{"model_input":"é"}')
  })

  it('skips interim answers (status 1xx), and gives the final answer', async () => {
    const early = ['HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n']

    expect(await callOf(...early, httpAnswer(200, '{}'))).toMatchObject({ status: 200, bytes: Buffer.from('{}') })
  })

  it('accepts an answer without a length whose end is the end of the connection', async () => {
    expect(await callOf(`${HEAD}Connection: close\r\n\r\n{}`)).toMatchObject({ bytes: Buffer.from('{}') })
  })

  it('ignores bytes that come after the complete answer', async () => {
    expect(await callOf(httpAnswer(200, '{}'), 'and more')).toMatchObject({ status: 200, bytes: Buffer.from('{}') })
  })

  it('stops reading an answer that is larger than `max_bytes`, and closes the connection', async () => {
    const server = await serve(async connection => {
      await connection.request()
      connection.say(`${HEAD}\r\n`)
      const more = Buffer.alloc(MB)
      const goOn = (error?: Error | null) => error || connection.socket.write(more, goOn)
      goOn()
    })

    expect(await call(server, { max_bytes: 2 * MB })).toMatchObject({ kind: 'sent', status: 200, bytes: undefined })
    await expect.poll(() => server.connections[0]?.destroyed).toBe(true)
  })

  it('accepts an answer that comes before the whole request was sent', async () => {
    const server = await serve(async connection => {
      await connection.bytes(1_000)
      connection.say(httpAnswer(413, '{"error":"too long"}'))
    })

    expect(await call(server, {}, 'x'.repeat(20 * MB))).toMatchObject({ status: 413 })
  })
})

describe('post: a model that sends nothing for minutes', () => {
  it.each([false, true])(
    'gets a TCP keep-alive packet every 60 s, so the connection is not dropped as idle (TLS: %s)',
    async tls => {
      setDefaultCACertificates([SELF_SIGNED.cert])
      const setKeepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive')
      const server = await serve(
        async connection => {
          await connection.request()
          // On Linux, the kernel reports whether keep-alive is on for this connection.
          if (process.platform === 'linux')
            await expect.poll(() => keepAliveOf(connection.socket.remotePort)).toBe(true)
          connection.say(httpAnswer(200, '{}'))
        },
        { tls },
      )

      expect(await call(server)).toMatchObject({ status: 200 })
      expect(setKeepAlive).toHaveBeenCalledWith(true, 60_000)
    },
  )
})

describe('post: an answer that is not valid HTTP', () => {
  it.each([
    {
      what: 'has both a Content-Length and a Transfer-Encoding',
      bytes: `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      message: /^the model's answer is not valid HTTP \(HPE_[A-Z_]+\)$/,
    },
    {
      what: 'has headers over 16 KB',
      bytes: `${HEAD}X-Long: ${'a'.repeat(17_000)}\r\nContent-Length: 2\r\n\r\n{}`,
      message: /^the headers of the model's answer are over 16 KB \(HPE_HEADER_OVERFLOW\)$/,
    },
    { what: 'is of another protocol', bytes: 'SSH-2.0-OpenSSH_9.6\r\n', message: /not valid HTTP \(HPE_/ },
    {
      what: 'has two lengths',
      bytes: `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      message: /not valid HTTP \(HPE_/,
    },
    {
      what: 'has a wrong chunk',
      bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nxyz\r\n`,
      message: /not valid HTTP \(HPE_/,
    },
    { what: 'has a line break in a header', bytes: `${HEAD}X-A: a\rb\r\n\r\n{}`, message: /not valid HTTP \(HPE_/ },
  ])('an answer that $what fails the call without a retry', async ({ bytes, message }) => {
    expect(await callOf(bytes)).toEqual({
      kind: 'broken',
      code: 'invalid_model_response',
      message: expect.stringMatching(message),
      reached: true,
      retry: 'never',
    })
  })
})

describe('post: a connection that ends while the request is sent', () => {
  it.each(['destroy', 'resetAndDestroy'] as const)(
    'allows one more try, since the model may take no request of this size (%s)',
    async end => {
      const server = await serve(async ({ bytes, socket }) => {
        await bytes(MB)
        socket[end]()
      })

      expect(await call(server, {}, 'x'.repeat(20 * MB))).toEqual({
        kind: 'broken',
        code: 'model_unreachable',
        message: expect.stringMatching(
          /^the model closed the connection while the request of 20\.0 MB was being sent \(E[A-Z]+\); it may take no request of this size, so the call is tried once more at most$/,
        ),
        reached: true,
        retry: 'once',
      })
    },
  )

  it('a connection that is reset after a large request was sent allows one more try, since the model may have read only a part', async () => {
    const server = await serve(async ({ request, socket }) => {
      await request()
      socket.resetAndDestroy()
    })

    expect(await call(server, {}, 'x'.repeat(2 * MB))).toMatchObject({ code: 'model_unreachable', retry: 'once' })
  })

  it('a connection that the model closes without a reset, after it has read a large request, counts as lost, with the usual retries', async () => {
    const server = await serve(async ({ request, socket }) => {
      await request()
      socket.end()
    })

    expect(await call(server, {}, 'x'.repeat(2 * MB))).toMatchObject({
      message: 'the connection to the model was lost (ECONNRESET)',
      retry: 'as configured',
    })
  })

  it('a connection that ends after a small request was sent completely counts as lost, with the usual retries', async () => {
    const server = await serve(async ({ request, socket }) => {
      await request()
      socket.resetAndDestroy()
    })

    expect(await call(server)).toEqual({
      kind: 'broken',
      code: 'model_unreachable',
      message: 'the connection to the model was lost (ECONNRESET)',
      reached: true,
      retry: 'as configured',
    })
  })
})

describe('post: an answer that never becomes complete', () => {
  it('ends the call at the timeout, even if single bytes still arrive', async () => {
    const server = await serve(async connection => {
      await connection.request()
      connection.say(`${HEAD}Content-Length: 1000000\r\n\r\n`)
      const dripping = setInterval(() => connection.say('x'), 20)
      connection.socket.on('close', () => clearInterval(dripping))
    })

    expect(await call(server, { timeout_ms: 600 })).toEqual({
      kind: 'broken',
      code: 'model_timeout',
      message: 'the model did not answer within 0.6 s',
      reached: true,
      retry: 'as configured',
    })
    await expect.poll(() => server.connections[0]?.destroyed).toBe(true)
  })

  it.each([
    { what: 'a chunk', bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\n10\r\n{"a":` },
    { what: 'two chunks', bytes: `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n` },
    { what: 'a body of known length', bytes: `${HEAD}Content-Length: 10\r\n\r\n{}` },
    { what: 'a header', bytes: `${HEAD}Content-Le` },
    { what: 'the first line', bytes: 'HTTP/1.1 2' },
    { what: 'nothing at all', bytes: '' },
    {
      what: 'another protocol that was offered',
      bytes: 'HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n',
    },
  ])('an answer that is cut off after $what counts as a lost connection', async ({ bytes }) => {
    expect(await callOf(bytes)).toMatchObject({
      code: 'model_unreachable',
      message: expect.stringMatching(/^the connection to the model was lost \([A-Z_]+\)$/),
      reached: true,
      retry: 'as configured',
    })
  })
})
