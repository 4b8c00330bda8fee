import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Checks a request by its method, URL and headers. Returns one sentence, the reason, if it refuses the request. Otherwise undefined. */
export type Check = (request: IncomingMessage) => string | undefined

/** Answers a refused request. `reason` is one sentence. */
export type Refuse = (request: IncomingMessage, response: ServerResponse, reason: string) => void

/** The values of `Host`, without the port, with which a program on this machine may call a local server. */
const LOCAL_NAMES = ['127.0.0.1', 'localhost', '[::1]']

/** Other events by which node:http can pass a request to a server. Such requests do not reach the `request` listeners, and so bypass the checks. */
const OTHER_ENTRANCES = ['checkContinue', 'checkExpectation', 'connect', 'upgrade']

/**
 * Puts checks before all other code of an HTTP server, even if a library made the server. `refuse` answers a refused request with status 403 and the
 * reason. Its body is not read, and the server's own code never gets the request. A foreign `Host` is always refused.
 *
 * Call this function when the server has its `request` listener. It throws if the server has no such listener, or accepts requests by other events.
 */
export function guardServer(server: Server, refuse: Refuse, ...checks: readonly Check[]): void {
  const handlers = server.listeners('request')
  const unguarded = OTHER_ENTRANCES.filter(event => server.listenerCount(event) > 0)
  if (handlers.length === 0) throw new Error('A server can be guarded only once it has a request listener.')
  if (unguarded.length > 0)
    throw new Error(`The server also takes requests by ${unguarded}, and no check covers those.`)

  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const reason = firstReason([hasLocalHost, ...checks], request)
    if (reason !== undefined) {
      request.resume()
      return refuse(request, response, reason)
    }
    for (const handler of handlers) Reflect.apply(handler, server, [request, response])
  })
}

/**
 * Refuses a foreign `Host`. A web site can change the address of its own name to 127.0.0.1 (DNS rebinding). Then a browser takes the site and
 * this server for the same origin, and lets the site's pages call this server. But `Host` still has the site's name, so the call is refused.
 */
const hasLocalHost: Check = ({ headers, socket: { localPort } }) => {
  const host = headers.host?.toLowerCase()
  const isLocal = LOCAL_NAMES.some(name => host === `${name}:${localPort}` || (localPort === 80 && host === name))
  return isLocal ? undefined : `The Host header must be ${LOCAL_NAMES.join(', ')} with the port ${localPort}.`
}

/** Refuses all requests with an `Origin`: those of web pages, also with `Origin: null`, and CORS preflights. It is for servers that no web page needs. */
export const fromNoPage: Check = ({ headers: { origin } }) =>
  origin === undefined ? undefined : 'Web pages may not call this server: send no Origin header.'

/** Refuses requests of web pages of another origin. Another name or port of this machine is another origin, too, since another program may listen there. */
export const fromOwnPageOnly: Check = ({ headers: { origin, host } }) =>
  origin === undefined || origin === `http://${host?.toLowerCase()}`
    ? undefined
    : `Pages of other origins may not call this server: Origin must be http://${host} or left out.`

const firstReason = (checks: readonly Check[], request: IncomingMessage): string | undefined =>
  checks.reduce<string | undefined>((reason, check) => reason ?? check(request), undefined)
