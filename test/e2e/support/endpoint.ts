import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** A call as the endpoint sees it. */
export interface Call {
  /** When it arrived, by the endpoint's own clock: milliseconds that only go forward. */
  readonly at: number
  /** One, or those of a batch. */
  readonly inputs: readonly string[]
  readonly isBatch: boolean
}

export type Reply = (response: ServerResponse, call: Call) => unknown

/** An endpoint for several models, each at a path of its own, that notes when it is called and does as it is told. */
export interface Endpoint {
  readonly url: string
  /** All calls of a model so far, in their order. */
  calls(model: string): readonly Call[]
  /** How a model answers from now on; at first each input gets itself back. */
  reply(model: string, reply: Reply): void
  close(): void
}

/** What a call reports for an input: the number that it ends with, or 7. */
export const tokensOf = (input: string): number => Number(/\d+$/.exec(input)?.[0] ?? 7)

const outputOf = (input: string) => ({ result: { echo: input }, usage: { total_tokens: tokensOf(input) } })

/** Each input gets itself back; `outputs` replaces those of a batch. */
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

/** Listens at `port`, or at one that is free. */
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
