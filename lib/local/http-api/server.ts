import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LocalError } from '../error.ts'
import type { LocalFunction } from '../lambda/function.ts'
import { MAX_PAYLOAD_BYTES } from '../lambda/protocol.ts'
import { readBody } from '../read-body.ts'
import { fromOwnPageOnly, guardServer } from '../trust/guard-server.ts'
import { type Answer, answerOf, gatewayAnswers, send } from './answer.ts'
import type { Authorizer } from './authorizer.ts'
import { integrationEvent, readRequest } from './event.ts'
import { interruptedAnswer, refuseForeignCall } from './own-error.ts'
import { createRouter, type Match, type Route } from './routes.ts'

/** API Gateway's limit of a request's body. */
const MAX_BODY_BYTES = 10 * 1024 * 1024

export interface RouteTarget {
  function: LocalFunction
  authorizer: Authorizer | undefined
  timeoutMs: number
}

/** The time that the answers to interrupted calls have, until all connections are closed. Milliseconds. */
const LAST_ANSWERS_MS = 500

/** An HTTP API of the template, with all its routes. */
export interface HttpApi {
  apiId: string
  stage: string
  routes: Route<RouteTarget>[]
}

/** Answers a call that only the local system has. Returns undefined for any other call, which the API then answers. */
export type OwnCalls = (incoming: IncomingMessage) => Promise<Answer> | undefined

/** Answers calls without the API. It gets no calls with a foreign `Host` or `Origin`, since the server refuses them. */
export type Handler = (incoming: IncomingMessage, response: ServerResponse) => void

export interface HttpServer {
  /** `http://127.0.0.1:PORT` */
  url: string
  /** Lets this API answer calls. Until `serve` is called, every answer is 503. `own` answers the calls that only the local system has. */
  serve(api: HttpApi, own?: OwnCalls): void
  /** Lets `handler` answer all calls of `path` and of the paths below it. The API gets none of these calls. */
  mount(path: string, handler: Handler): void
  /** Accepts no more requests. Running requests have `graceMs` milliseconds to end, and then get a 503. A second call does nothing. */
  close(graceMs: number): Promise<void>
}

/**
 * Starts a server on 127.0.0.1. With port 0, the server gets a free port. `onAnswer` gets the status of each answer of the API. Throws LocalError if the
 * port is in use.
 */
export async function startHttpServer(
  port: number,
  onAnswer: (status: number) => void = () => undefined,
): Promise<HttpServer> {
  let handle = async (_incoming: IncomingMessage): Promise<Answer> => gatewayAnswers.unavailable
  const mounted = new Map<string, Handler>()
  const server = createServer((incoming, response) => {
    const mount = handlerOf(mounted, incoming)
    if (mount) mount(incoming, response)
    else void respond(incoming, response)
  })
  guardServer(server, refuseForeignCall, fromOwnPageOnly)

  /** Functions that end the wait for the answer of an open call, one per call. */
  const interruptions = new Set<() => void>()
  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const handled = handle(incoming).catch(() => gatewayAnswers.internalError)
    const interrupted = Promise.withResolvers<undefined>()
    const interrupt = () => interrupted.resolve(undefined)
    interruptions.add(interrupt)
    const answered = await Promise.race([handled, interrupted.promise])
    interruptions.delete(interrupt)
    // While the server closes, functions end too, and a function that has ended is the reason of an internal error.
    const isInterrupted = !answered || (answered === gatewayAnswers.internalError && !server.listening)
    const answer = isInterrupted ? interruptedAnswer(incoming) : answered
    onAnswer(answer.statusCode)
    if (!response.destroyed) send(response, answer)
  }

  await listen(server, port)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve(api, own) {
      const callApi = createHandler(api)
      handle = async incoming => (await own?.(incoming)) ?? callApi(incoming)
    },
    mount(path, handler) {
      mounted.set(path, handler)
    },
    async close(graceMs) {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const grace = setTimeout(() => {
        for (const interrupt of interruptions) interrupt()
      }, graceMs)
      const end = setTimeout(() => server.closeAllConnections(), graceMs + LAST_ANSWERS_MS)
      await closed
      clearTimeout(grace)
      clearTimeout(end)
    },
  }
}

function handlerOf(mounted: ReadonlyMap<string, Handler>, { url = '' }: IncomingMessage): Handler | undefined {
  const [path = ''] = url.split('?')
  return [...mounted].find(([mount]) => path === mount || path.startsWith(`${mount}/`))?.[1]
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EADDRINUSE')
      throw new LocalError(`Port ${port} is in use: stop what listens there, or choose another with PORT.`)
    if (code === 'EACCES')
      throw new LocalError(`Port ${port} is not allowed for this user: choose one over 1023 with PORT.`)
    throw error
  }
}

function createHandler(api: HttpApi): (incoming: IncomingMessage) => Promise<Answer> {
  const route = createRouter(api.routes)
  const prefix = api.stage === '$default' ? '' : `/${api.stage}`

  return async incoming => {
    const request = readRequest(incoming, api)
    const body = await readBody(incoming, MAX_BODY_BYTES)
    if (!body) return gatewayAnswers.tooLarge
    if (!`${request.rawPath}/`.startsWith(`${prefix}/`)) return gatewayAnswers.notFound
    const match = route(request.requestContext.http.method, request.rawPath.slice(prefix.length))
    if (!match) return gatewayAnswers.notFound
    const verdict = await match.target.authorizer?.(request, match)
    if (typeof verdict === 'string') return gatewayAnswers[verdict]
    // Calls with the same authorizer context are from the same user. If many calls wait for a thread, the user with the fewest running calls is next.
    const caller = JSON.stringify(verdict?.context ?? null)
    return integrate(match, integrationEvent(request, match, body, verdict?.context), caller)
  }
}

async function integrate({ target }: Match<RouteTarget>, event: object, caller: string): Promise<Answer> {
  if (Buffer.byteLength(JSON.stringify(event)) > MAX_PAYLOAD_BYTES) return gatewayAnswers.tooLarge
  const timeout = Promise.withResolvers<'timeout'>()
  // If a client gets 503 before its event has begun to run, the event must never run. Otherwise the client would be charged for a refused call.
  const givenUp = new AbortController()
  const timer = setTimeout(() => {
    timeout.resolve('timeout')
    givenUp.abort()
  }, target.timeoutMs)
  const result = await Promise.race([target.function.invoke(event, caller, givenUp.signal), timeout.promise])
  clearTimeout(timer)
  if (result === 'timeout') return gatewayAnswers.unavailable
  return result.ok ? answerOf(result.payload) : gatewayAnswers.internalError
}
