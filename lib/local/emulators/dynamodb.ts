import type { Server } from 'node:http'
import { workerData } from 'node:worker_threads'
import dynalite from 'dynalite'
import { listenLocally } from '../listen.ts'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import { serve } from './serve.ts'

/** The access key id of callers, and the folder for the tables. Without a folder, they are in memory. */
export interface DynamoDbData {
  accessKeyId: string
  folder?: string
}

const { accessKeyId, folder } = workerData as DynamoDbData

await serve(async () => {
  const server = dynalite({ ...(folder && { path: folder }), createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  // Without this guard, dynalite answers CORS preflights and so lets every web page in.
  guardServer(server, fromNoPage, signedWith(accessKeyId), declaredAsJson)
  outliveBadBodies(server)
  return {
    port: await listenLocally(server),
    close: () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
})

/**
 * Keeps the thread alive when a request has a bad body. dynalite throws for such a body, and that would end the thread and with it all
 * tables. A cut-off connection is enough (for example of a function that ends while it writes), or the body `null`. Call this after
 * dynalite has added its listener.
 */
function outliveBadBodies(server: Server): void {
  server.on('request', (request, response) => {
    // An error means that the body never ends. Such a request is never executed.
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
