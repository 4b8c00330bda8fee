import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** A call that the endpoint received. Its body comes from the request mapping. */
export interface ModelCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: { readonly input: string; readonly [field: string]: unknown }
}

export type Respond = (response: ServerResponse, call: ModelCall) => unknown

export interface TestModel {
  readonly url: string
  readonly calls: readonly ModelCall[]
  /** Sets the answer to calls with this input, and to batches whose first input it is. Other calls get their input and `usualUsage` as the answer. */
  on(input: string, respond: Respond): void
  /** Lets calls with this input wait until `release`. */
  hold(input: string): { release(): void }
  close(): Promise<void>
}

export const usualUsage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

/** Answers with exactly this text. */
export const answerText =
  (text: string, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)

export const answerJson = (body: unknown, status = 200) => answerText(JSON.stringify(body), status)

const usually: Respond = (response, { body }) =>
  answerJson({ result: { echo: body.input }, usage: usualUsage })(response)

/** The input of a call, or the first input of a batch. */
const firstInput = (body: ModelCall['body']): string => {
  const inputs = body.inputs as readonly { readonly input: string }[] | undefined
  return inputs?.[0]?.input ?? body.input
}

/** Starts an endpoint whose answers a test sets. */
export async function startTestModel(): Promise<TestModel> {
  const calls: ModelCall[] = []
  const scripts = new Map<string, Respond>()
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as ModelCall['body']
    const call = { path: request.url ?? '', headers: request.headers, body }
    calls.push(call)
    await (scripts.get(firstInput(body)) ?? usually)(response, call)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    on: (input, respond) => void scripts.set(input, respond),
    hold: input => {
      const { promise, resolve } = Promise.withResolvers<void>()
      scripts.set(input, async (response, call) => {
        await promise
        usually(response, call)
      })
      return { release: resolve }
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
