import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod'
import { Unavailable } from '../../functions/core/platform/unavailable.ts'
import { Refusal } from '../cli/refusal.ts'
import { parseJson } from '../local/parse-json.ts'
import { bearerOf, isToken } from './access.ts'
import { type Page, sendError, sendJson, sendPage } from './answer.ts'
import { closedPage } from './closed-page.ts'
import { findRoute } from './operator-api/find-route.ts'
import type { System } from './operator-api/system.ts'

/** The path of the console. The operator API is under `/console/api`. */
export const CONSOLE_PATH = '/console'
const API_PATH = `${CONSOLE_PATH}/api`

/** Returns the address of a console, with its token. */
export const consoleUrl = (origin: string, token: string): string => `${origin}${CONSOLE_PATH}?token=${token}`

export interface Console {
  readonly system: System
  readonly token: string
  /** Makes the page. Rejects if the page can't be made. */
  page(): Promise<Page>
}

type Respond = (request: IncomingMessage, response: ServerResponse) => void

/**
 * Answers the calls of `/console` and of all paths under it. The server must refuse calls with a foreign `Host` or
 * `Origin` before they reach this handler, so that no page of another web site can call it (ADR 0018). A call of the page
 * needs the token in its address, and a call of the operator API needs the token in a header.
 */
export const consoleHandler =
  (console: Console): Respond =>
  (request, response) =>
    void respond(console, request, response).catch(error => sendFailure(response, error))

async function respond(console: Console, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  if (pathname.startsWith(`${API_PATH}/`)) return callApi(console, request, response, pathname, searchParams)
  if (pathname !== CONSOLE_PATH) return sendError(response, 404, 'not_found', `there is nothing at ${pathname}`)
  if (request.method !== 'GET')
    return sendError(response, 405, 'method_not_allowed', `the method of ${pathname} is GET`)
  if (!isToken(searchParams.get('token'), console.token)) return sendPage(response, 401, closedPage)
  sendPage(response, 200, await console.page())
}

async function callApi(
  { system, token }: Console,
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  query: URLSearchParams,
): Promise<void> {
  if (!isToken(bearerOf(request), token)) return sendError(response, 401, 'unauthorized', NO_TOKEN)
  const found = findRoute(request.method, pathname.slice(API_PATH.length))
  if (!('route' in found)) {
    const { methods } = found
    if (methods.length === 0) return sendError(response, 404, 'not_found', `there is nothing at ${pathname}`)
    return sendError(response, 405, 'method_not_allowed', `the method of ${pathname} is ${methods.join(' or ')}`)
  }
  const body = await bodyOf(request)
  if (body === TOO_LARGE) return sendError(response, 413, 'payload_too_large', 'a body has at most 5 MB')
  if (body === NOT_JSON) return sendError(response, 400, 'invalid_request', 'the body is not JSON')
  const answer = await found.route.call(system, { params: found.params, query: Object.fromEntries(query), body })
  sendJson(response, 200, answer)
}

const NO_TOKEN =
  'the operator API wants the token of the address that the console has printed: send Authorization: Bearer <token>'

const MAX_BODY_BYTES = 5_000_000
const TOO_LARGE = Symbol('too large')
const NOT_JSON = Symbol('not JSON')

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return TOO_LARGE
    chunks.push(chunk)
  }
  if (size === 0) return undefined
  const body = parseJson(Buffer.concat(chunks).toString())
  return body === undefined ? NOT_JSON : body
}

/**
 * Answers a call that failed. It does not show the message of an unexpected error, because the message may contain
 * anything, also a secret.
 */
function sendFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy()
  else if (error instanceof z.ZodError) {
    const details = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
    sendError(response, 400, 'invalid_request', 'the request is not as the operation wants it', { details })
  } else if (error instanceof Refusal) sendError(response, 409, 'refused', error.message)
  else if (error instanceof Unavailable)
    sendError(response, 503, 'unavailable', `${error.what} can't be reached: try again`)
  else sendError(response, 500, 'internal_error', 'the operation failed: `sluice` with the same command says why')
}
