import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Answer, Call } from '../emulators/calls.ts'
import { listenLocally } from '../listen.ts'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import { refuseAsAws } from '../trust/refuse.ts'
import type { Database } from './database.ts'
import { badRequest, DataApiError, toDataApiError } from './errors.ts'
import { dataApiOperations, type Operations } from './operations.ts'
import type { ActAs } from './roles.ts'

const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/**
 * Serves the RDS Data API on a free port of 127.0.0.1: JSON over HTTP, with one path per operation. The server accepts only calls that are signed with
 * this access key id. It has only one database, so it accepts any ARN and any database name. `close` also closes the database.
 */
export async function startDataApi(
  database: Database,
  accessKeyId: string,
  actAs?: ActAs,
): Promise<{ port: number; call: Call; close(): Promise<void> }> {
  const operations = dataApiOperations(database, actAs)
  const server = createServer((request, response) => void respond(operations, request, response))
  guardServer(server, refuseAsAws, fromNoPage, signedWith(accessKeyId), declaredAsJson)
  return {
    port: await listenLocally(server),
    call: (operation, body) => perform(operations, PATHS[operation] ?? '', async () => body),
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

/** The paths of the operations by their names. */
const PATHS: Readonly<Record<string, string>> = {
  ExecuteStatement: '/Execute',
  BeginTransaction: '/BeginTransaction',
  CommitTransaction: '/CommitTransaction',
  RollbackTransaction: '/RollbackTransaction',
}

async function respond(operations: Operations, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers, body } = await perform(operations, request.url ?? '', () => bodyOf(request))
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(body)
}

async function perform(operations: Operations, path: string, read: () => Promise<string>): Promise<Answer> {
  try {
    const operation = operations.byPath[path]
    if (!operation) throw new DataApiError('UnknownOperationException', `${path} is not an operation.`, 404)
    const body = await read()
    if (Buffer.byteLength(body) > MAX_REQUEST_BYTES) throw tooLarge()
    return { status: 200, body: JSON.stringify(await operation(parsed(body))) }
  } catch (error) {
    const { name, message, status } = toDataApiError(error)
    return { status, headers: { 'x-amzn-errortype': name }, body: JSON.stringify({ message }) }
  }
}

const tooLarge = () => new DataApiError('RequestEntityTooLargeException', 'The request is larger than 4 MiB.', 413)

async function bodyOf(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_REQUEST_BYTES) {
    request.resume()
    throw tooLarge()
  }
  return text(request).catch(() => {
    throw badRequest('The body is not JSON.')
  })
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw badRequest('The body is not JSON.')
  }
}
