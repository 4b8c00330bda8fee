import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { listenLocally } from '../listen.ts'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import type { Database } from './database.ts'
import { badRequest, DataApiError, toDataApiError } from './errors.ts'
import { dataApiOperations, type Operations } from './operations.ts'
import type { ActAs } from './roles.ts'

const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/**
 * Serves the RDS Data API on a free port of 127.0.0.1: JSON over HTTP, with one path per operation. It accepts any ARN and database name,
 * because it has only one database, but only calls that are signed with this access key id. `close` also closes the database.
 */
export async function startDataApi(
  database: Database,
  accessKeyId: string,
  actAs?: ActAs,
): Promise<{ port: number; close(): Promise<void> }> {
  const operations = dataApiOperations(database, actAs)
  const server = createServer((request, response) => void respond(operations, request, response))
  guardServer(server, fromNoPage, signedWith(accessKeyId), declaredAsJson)
  return {
    port: await listenLocally(server),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      await operations.close()
      await database.close()
    },
  }
}

async function respond(operations: Operations, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const operation = operations.byPath[request.url ?? '']
    if (!operation) throw new DataApiError('UnknownOperationException', `${request.url} is not an operation.`, 404)
    send(response, 200, await operation(await bodyOf(request)))
  } catch (error) {
    const { name, message, status } = toDataApiError(error)
    response.setHeader('x-amzn-errortype', name)
    send(response, status, { message })
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) {
    request.resume()
    throw new DataApiError('RequestEntityTooLargeException', 'The request is larger than 4 MiB.', 413)
  }
  try {
    return await json(request)
  } catch {
    throw badRequest('The body is not JSON.')
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
