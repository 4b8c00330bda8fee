import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Answer } from '../emulators/calls.ts'
import { readBody } from '../read-body.ts'
import type { Tables } from './tables.ts'

/** DynamoDB's limit for the body of a call. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024
const TARGET = /^DynamoDB_20120810\.([A-Za-z]+)$/

/** Makes a server with DynamoDB's API. The server does not listen yet, and does not check its callers. */
export const tablesServer = (tables: Tables): Server =>
  createServer((request, response) => void respond(tables, request, response))

async function respond(tables: Tables, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request, MAX_REQUEST_BYTES).catch(() => CUT_OFF)
  // If the connection was cut off, the body is incomplete, so the call is not performed.
  if (body === CUT_OFF) return void response.destroy()
  if (body === undefined) return send(response, refused(413, 'RequestEntityTooLarge', 'The request is over 16 MiB.'))
  const [, operation] = TARGET.exec(String(request.headers['x-amz-target'])) ?? []
  if (request.method !== 'POST' || operation === undefined)
    return send(response, refused(400, UNKNOWN, 'The call names no operation of DynamoDB.'))
  send(response, await tables.call(operation, body.toString()))
}

const UNKNOWN = 'com.amazon.coral.service#UnknownOperationException'
const CUT_OFF = Symbol()

const refused = (status: number, type: string, message: string): Answer => ({
  status,
  body: JSON.stringify({ __type: type, message }),
})

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': randomUUID() })
  response.end(body)
}
