import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** A call that the endpoint received. */
export interface Call {
  /** The time at which the call arrived, in milliseconds of a monotonic clock. */
  readonly at: number
  /** The input of one request, or the inputs of a batch. */
  readonly inputs: readonly string[]
  readonly isBatch: boolean
}

export type Reply = (response: ServerResponse, call: Call) => unknown

/** An endpoint for several models. Each model has its own path. The endpoint records its calls, and a test sets its answers. */
export interface Endpoint {
  readonly url: string
  /** All calls to a model so far, oldest first. */
  calls(model: string): readonly Call[]
  /** Sets the answer to further calls to a model. The default is `echo`. */
  reply(model: string, reply: Reply): void
  close(): void
}

/** The tokens that the endpoint reports for an input: the number at its end, or 7. */
export const tokensOf = (input: string): number => Number(/\d+$/.exec(input)?.[0] ?? 7)

const outputOf = (input: string) => ({ result: { echo: input }, usage: { total_tokens: tokensOf(input) } })

/** Answers each input with the input itself. For a batch, the answers are in `outputs`. */
export const echo: Reply = (response, { inputs, isBatch }) => {
  const outputs = inputs.map(outputOf)
  send(response, isBatch ? { outputs } : outputs[0])
}

export const send = (response: ServerResponse, body: unknown): void =>
  void response.setHeader('content-type', 'application/json').end(JSON.stringify(body))

export const refuse =
  (status: number, headers: Record<string, string> = {}): Reply =>
  response =>
    void response.writeHead(status, headers).end()

/** Listens at `port`, or at a free port. */
export async function startEndpoint(port = 0): Promise<Endpoint> {
  const calls = new Map<string, Call[]>()
  const replies = new Map<string, Reply>()
  const callsOf = (model: string) => {
    const known = calls.get(model) ?? []
    calls.set(model, known)
    return known
  }
  const server = createServer(async (request, response) => {
    const at = performance.now()
    const model = (request.url ?? '').slice(1)
    const body = (await json(request)) as { input: string } | { inputs: { input: string }[] }
    const isBatch = 'inputs' in body
    const call = { at, inputs: (isBatch ? body.inputs : [body]).map(({ input }) => input), isBatch }
    callsOf(model).push(call)
    await (replies.get(model) ?? echo)(response, call)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: callsOf,
    reply: (model, reply) => void replies.set(model, reply),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
