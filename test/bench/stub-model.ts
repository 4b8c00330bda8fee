import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface StubModel {
  readonly url: string
  close(): void
}

/** Starts a model that answers every call with the same JSON after `afterMs` milliseconds. */
export async function startStubModel(answer: object, afterMs = 0): Promise<StubModel> {
  const text = JSON.stringify(answer)
  const server = createServer(async (request, response) => {
    request.resume()
    if (afterMs > 0) await pause(afterMs)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(text)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/predict`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
