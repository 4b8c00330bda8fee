import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

interface Item {
  readonly model_input: string
  readonly parameters?: unknown
}

/** A call that the endpoint received, for one request or for a batch. */
export interface PredictCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Item | { readonly inputs: readonly Item[] }
}

/** The model service of the old pipeline, with `/predict` and `/batch_predict`. */
export interface PredictEndpoint {
  readonly url: string
  calls(path: string): readonly PredictCall[]
  /** Sets the status of answers to calls of `/predict` whose input begins with this text. */
  answer(inputStart: string, status: number): void
  close(): Promise<void>
}

export const PREDICT_USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
const predicted = ({ model_input }: Item) => ({ result: { label: model_input }, usage: PREDICT_USAGE })

export async function startPredictEndpoint(): Promise<PredictEndpoint> {
  const calls: PredictCall[] = []
  const statuses = new Map<string, number>()
  const statusOf = (input: string): number => [...statuses].find(([start]) => input.startsWith(start))?.[1] ?? 200

  const server = createServer(async (request, response) => {
    const body = (await json(request)) as PredictCall['body']
    calls.push({ path: request.url ?? '', headers: request.headers, body })
    const status = 'inputs' in body ? 200 : statusOf(body.model_input)
    const answer = 'inputs' in body ? { outputs: body.inputs.map(predicted) } : predicted(body)
    const sent = status === 200 ? answer : { error: `answered with ${status}` }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(sent))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: path => calls.filter(call => call.path === path),
    answer: (inputStart, status) => void statuses.set(inputStart, status),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
