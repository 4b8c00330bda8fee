import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { workerData } from 'node:worker_threads'
import dynalite from 'dynalite'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import { serve } from './serve.ts'

/** Who may call, and where the tables are kept: nowhere, if there is no folder. */
export interface DynamoDbData {
  accessKeyId: string
  folder?: string
}

const { accessKeyId, folder } = workerData as DynamoDbData

await serve(async () => {
  const server = dynalite({ ...(folder && { path: folder }), createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  // dynalite answers CORS preflights, and lets every page in.
  guardServer(server, fromNoPage, signedWith(accessKeyId), declaredAsJson)
  outliveBadBodies(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
})

/**
 * dynalite throws what goes wrong with a request's body, which ends the thread: one connection that is cut off in a body, such as that of
 * a function that is ended while it writes, or a body of `null`, would take the tables away from everybody. To be called when its
 * listener is there.
 */
function outliveBadBodies(server: Server): void {
  server.on('request', (request, response) => {
    // A request whose body never ends is never executed.
    request.removeAllListeners('error')
    request.on('error', () => {})

    const handlers = request.listeners('end')
    request.removeAllListeners('end')
    request.on('end', () => {
      try {
        for (const handler of handlers) Reflect.apply(handler, request, [])
      } catch {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/x-amz-json-1.0' })
        response.end(JSON.stringify({ __type: 'InternalServerError', message: 'dynalite failed at this request.' }))
      }
    })
  })
}
