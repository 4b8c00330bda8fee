import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type * as z from 'zod'
import type { ReceivedRequest } from '../../../support/sigv4.ts'

/** A stand-in for a public API. It refuses the same requests as the real API. */
export interface StandIn {
  /** The path of the API, as it is in the request. */
  readonly path: string
  readonly body: z.ZodType
  /** The status with which the API refuses an invalid body. */
  readonly invalid: number
  /** Returns the reason why the caller is refused, or undefined if the caller may call. */
  readonly refuses?: (request: ReceivedRequest) => string | undefined
  /** The answer to a valid body. */
  readonly answer: (body: never) => unknown
}

/** A call that a stand-in answered with 200. */
export interface Call {
  readonly path: string
  readonly body: unknown
}

export interface StandIns {
  readonly url: string
  /** The calls that were answered with 200. */
  readonly calls: readonly Call[]
  /** The refused calls and the reasons. */
  readonly refused: readonly string[]
  close(): Promise<void>
}

/** Serves all stand-ins on one free port. */
export async function startStandIns(all: readonly StandIn[]): Promise<StandIns> {
  const calls: Call[] = []
  const refused: string[] = []
  const server = createServer(async (request, response) => {
    const received = await receive(request)
    const { status, body } = respond(all, received)
    if (status === 200) calls.push({ path: received.target, body: JSON.parse(received.body) })
    else refused.push(`${received.method} ${received.target}: ${status} ${JSON.stringify(body)}`)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    refused,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const receive = async (request: IncomingMessage): Promise<ReceivedRequest> => ({
  method: request.method ?? '',
  target: request.url ?? '',
  headers: request.headers,
  body: await text(request),
})

function respond(all: readonly StandIn[], request: ReceivedRequest): { status: number; body: unknown } {
  const api = all.find(({ path }) => path === request.target)
  if (!api) return refusal(404, 'not found')
  if (request.method !== 'POST') return refusal(405, 'method not allowed')
  const reason = api.refuses?.(request)
  if (reason !== undefined) return refusal(403, reason)
  if (request.headers['content-type'] !== 'application/json') return refusal(415, 'unsupported media type')
  const body = api.body.safeParse(JSON.parse(request.body))
  if (!body.success) return refusal(api.invalid, body.error.message)
  return { status: 200, body: api.answer(body.data as never) }
}

const refusal = (status: number, message: string) => ({ status, body: { message } })
