import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

/** An export that a receiver has received. */
export interface Export {
  /** The time of its arrival in epoch milliseconds. */
  readonly at: number
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The port of the sender. It shows whether two exports used the same connection. */
  readonly senderPort: number
  readonly body: unknown
}

interface Answer {
  readonly status?: number
  readonly body?: string
  /** If true, the receiver accepts the export and never answers. */
  readonly silent?: boolean
  /** The receiver answers after this promise has resolved. */
  readonly after?: Promise<unknown>
}

export interface OtlpReceiver {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly exports: readonly Export[]
  /** Closes all connections. */
  hangUp(): void
  close(): Promise<void>
}

/** Starts a real server that receives OTLP/HTTP exports in JSON. `answer` makes its answers. */
export async function startOtlpReceiver(
  answer: (path: string) => Answer = () => ({}),
  port = 0,
): Promise<OtlpReceiver> {
  const exports: Export[] = []
  const server = createServer(async (request, response) => {
    const { url: path = '', headers, socket } = request
    exports.push({
      at: Date.now(),
      path,
      headers,
      senderPort: socket.remotePort ?? 0,
      body: JSON.parse(await text(request)),
    })
    const { status = 200, body = '{}', silent = false, after } = answer(path)
    await after
    if (!silent) response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    exports,
    hangUp: () => server.closeAllConnections(),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
