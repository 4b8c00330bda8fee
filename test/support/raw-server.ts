import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { SELF_SIGNED } from './self-signed.ts'

/** One connection of a raw server. */
export interface Connection {
  readonly socket: Socket
  /** Reads until `count` bytes have come. Then it stops reading from the socket, and resolves. */
  bytes(count: number): Promise<void>
  /** Resolves to the whole request with headers and body, or to its beginning as soon as `atMost` bytes have come. */
  request(atMost?: number): Promise<string>
  /** Sends exactly these bytes. */
  say(...parts: readonly (string | Uint8Array)[]): void
}

export interface RawServer {
  readonly origin: string
  readonly port: number
  /** All connections so far. */
  readonly connections: readonly Socket[]
  close(): Promise<void>
}

/** Starts a TCP server, so that a test can send any bytes, also invalid HTTP. `talk` handles each connection. */
export async function serveRaw(
  talk: (connection: Connection) => unknown,
  { tls = false }: { tls?: boolean } = {},
): Promise<RawServer> {
  const connections: Socket[] = []
  const accept = (socket: Socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
    void talk(connectionOf(socket))
  }
  const server: Server = tls ? createTlsServer(SELF_SIGNED, accept) : createServer(accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    origin: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    port: address.port,
    connections,
    close: async () => {
      server.close()
      for (const socket of connections) socket.destroy()
      await once(server, 'close')
    },
  }
}

function connectionOf(socket: Socket): Connection {
  let received = Buffer.alloc(0)
  /** Reads until `isEnough` returns true, and then stops reading. */
  const until = (isEnough: (bytes: Buffer) => boolean) =>
    new Promise<void>(resolve => {
      if (isEnough(received)) return resolve()
      const read = (chunk: Buffer) => {
        received = Buffer.concat([received, chunk])
        if (!isEnough(received)) return
        socket.pause()
        socket.off('data', read)
        resolve()
      }
      socket.on('data', read)
      socket.resume()
    })
  return {
    socket,
    bytes: count => until(({ length }) => length >= count),
    request: async (atMost = Number.POSITIVE_INFINITY) => {
      await until(bytes => bytes.length >= atMost || isWholeRequest(bytes))
      return received.toString('latin1')
    },
    say: (...parts) => {
      for (const part of parts) socket.write(part)
    },
  }
}

function isWholeRequest(bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0)
  return end >= 0 && bytes.length >= end + 4 + length
}

/** The bytes of an HTTP answer with a `Content-Length`. */
export function httpAnswer(
  status: number,
  body: string | Uint8Array,
  headers: readonly string[] = ['Content-Type: application/json'],
): Uint8Array {
  const bytes = Buffer.from(body)
  const head = [`HTTP/1.1 ${status} Said`, ...headers, `Content-Length: ${bytes.length}`, '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), bytes])
}
