import dns from 'node:dns'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { httpEndpoint } from '../../../../../functions/core/inference/http-endpoint.ts'
import { judging } from '../../../../support/judging.ts'
import { SELF_SIGNED } from '../../../../support/self-signed.ts'

const open: { server: Server; sockets: Set<Socket> }[] = []
afterEach(() => {
  vi.restoreAllMocks()
  for (const { server, sockets } of open.splice(0)) {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
})

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => sockets.add(socket))
  open.push({ server, sockets })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const silent = () => listen(createServer())
const hangingUp = () => listen(createServer(socket => socket.once('data', () => socket.destroy())))
const notTls = () => listen(createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
const selfSigned = () => listen(createHttpsServer(SELF_SIGNED, () => expect.unreachable()))

const call = (url: string, timeoutMs = 5_000) =>
  judging(
    httpEndpoint({ url, timeout_ms: timeoutMs, headers: {} }, () => Promise.reject(new Error('asked for a secret'))),
  ).call('r1', {})

describe('httpEndpoint: a call that can’t have reached the model', () => {
  it.each([
    { what: 'whose certificate is not trusted', serve: selfSigned },
    { what: 'that does not speak TLS', serve: notTls },
    { what: 'that hangs up during the handshake', serve: hangingUp },
  ])('a call of a server $what can’t have reached the model', async ({ serve }) => {
    const url = `https://${await serve()}/predict`

    expect(await call(url)).toMatchObject({ code: 'model_unreachable', reached: false })
  })

  it('a call that gets a connection, but no TLS handshake before its timeout, can’t have reached the model', async () => {
    const url = `https://${await silent()}/predict`

    expect(await call(url, 100)).toMatchObject({
      ok: false,
      code: 'model_unreachable',
      message: 'the model could not be reached (ETIMEDOUT)',
      reached: false,
    })
  })

  it('a call that gets no connection before its timeout can’t have reached the model', async () => {
    vi.spyOn(dns, 'lookup').mockImplementation((() => undefined) as never)

    expect(await call('http://model.invalid/predict', 100)).toMatchObject({ code: 'model_unreachable', reached: false })
  })

  it('the error of such a call has the code of the network error, and no address', async () => {
    const { message } = (await call(`https://${await selfSigned()}/predict`)) as { message: string }

    expect(message).toBe('the model could not be reached (DEPTH_ZERO_SELF_SIGNED_CERT)')
  })
})

describe('httpEndpoint: a call that may have reached the model', () => {
  it.each(['http', 'https'])(
    'a call over %s may have reached the model even if the server closes the connection as soon as it is open',
    async protocol => {
      const trusted = getCACertificates('default')
      setDefaultCACertificates([SELF_SIGNED.cert])
      try {
        const hangUp =
          protocol === 'http'
            ? hangingUp()
            : listen(createHttpsServer(SELF_SIGNED, ({ socket }) => void socket.destroy()))
        expect(await call(`${protocol}://${await hangUp}/predict`)).toMatchObject({
          code: 'model_unreachable',
          reached: true,
        })
      } finally {
        setDefaultCACertificates(trusted)
      }
    },
  )
})
