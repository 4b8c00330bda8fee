import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Says in one sentence why a request is refused, or nothing if it isn't. It sees the request's head alone. */
export type Check = (request: IncomingMessage) => string | undefined

/** How a program on this machine may call a local server; the port comes after it. */
const LOCAL_NAMES = ['127.0.0.1', 'localhost', '[::1]']

/** Other events by which node:http hands a request to a server, past its `request` listeners. */
const OTHER_ENTRANCES = ['checkContinue', 'checkExpectation', 'connect', 'upgrade']

/**
 * Puts checks before everything that an HTTP server does, one of a library included: what is refused is answered with 403 and one
 * sentence, its body is not read, and the server's own code never sees it. A foreign `Host` is refused always.
 *
 * To be called when the server has its `request` listener. Throws if it has none yet, or another way in.
 */
export function guardServer(server: Server, ...checks: readonly Check[]): void {
  const handlers = server.listeners('request')
  const unguarded = OTHER_ENTRANCES.filter(event => server.listenerCount(event) > 0)
  if (handlers.length === 0) throw new Error('A server can be guarded only once it has a request listener.')
  if (unguarded.length > 0) throw new Error(`The server takes requests by ${unguarded}, too, which no check guards.`)

  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const reason = firstReason([hasLocalHost, ...checks], request)
    if (reason !== undefined) return refuse(request, response, reason)
    for (const handler of handlers) Reflect.apply(handler, server, [request, response])
  })
}

/**
 * A page of another site can make its own name lead to 127.0.0.1 (DNS rebinding) and is then, to its browser, of one origin with
 * this server. The name is still in `Host`.
 */
const hasLocalHost: Check = ({ headers, socket: { localPort } }) => {
  const host = headers.host?.toLowerCase()
  const isLocal = LOCAL_NAMES.some(name => host === `${name}:${localPort}` || (localPort === 80 && host === name))
  return isLocal ? undefined : `The Host header must be ${LOCAL_NAMES.join(', ')} with the port ${localPort}.`
}

/** Refuses what any web page sends, `Origin: null` included, and with it every CORS preflight: no page has business with this server. */
export const fromNoPage: Check = ({ headers: { origin } }) =>
  origin === undefined ? undefined : 'Web pages may not call this server: send no Origin header.'

/** Refuses what a page of another origin sends, one at another name of this machine included: another program may listen there. */
export const fromOwnPageOnly: Check = ({ headers: { origin, host } }) =>
  origin === undefined || origin === `http://${host?.toLowerCase()}`
    ? undefined
    : `Pages of other origins may not call this server: Origin must be http://${host} or left out.`

const firstReason = (checks: readonly Check[], request: IncomingMessage): string | undefined =>
  checks.reduce<string | undefined>((reason, check) => reason ?? check(request), undefined)

// `__type` and `message` are where AWS's SDKs look for what went wrong.
function refuse(request: IncomingMessage, response: ServerResponse, message: string): void {
  request.resume()
  response.writeHead(403, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ __type: 'AccessDeniedException', message }))
}
