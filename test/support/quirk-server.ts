import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import type { ReceivedRequest } from './sigv4.ts'

/** An HTTP answer that the server gives. */
export interface QuirkAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface QuirkServer {
  readonly url: string
  /** All calls, oldest first. */
  readonly received: readonly ReceivedRequest[]
  /** Sets the answer to the calls from now on. */
  answerWith(answer: QuirkAnswer): void
  close(): Promise<void>
}

/** Starts a server for all tests of a file, and sets AWS credentials in the environment. Returns a function that returns the server. */
export function useQuirkServer(): () => QuirkServer {
  let server: QuirkServer | undefined
  beforeAll(async () => {
    server = await startQuirkServer()
  })
  afterAll(() => server?.close())
  beforeEach(() => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    vi.stubEnv('AWS_REGION', 'us-east-1')
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })
  return () => {
    if (!server) throw new Error('the server has not started yet')
    return server
  }
}

/** Starts a server that stands in for the API of a provider. A test sets the answers of the server, including errors. */
export async function startQuirkServer(): Promise<QuirkServer> {
  const received: ReceivedRequest[] = []
  let next: QuirkAnswer = { status: 200, body: {} }
  const server = createServer(async (request, response) => {
    const { method = '', url: target = '', headers } = request
    received.push({ method, target, headers, body: await text(request) })
    response.writeHead(next.status, { 'content-type': 'application/json', ...next.headers })
    response.end(JSON.stringify(next.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answerWith: answer => {
      next = answer
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
