import * as z from 'zod'
import { LocalError } from '../error.ts'
import type { LocalFunction } from '../lambda/function.ts'
import { type ApiRequest, authorizerEvent } from './event.ts'

/** The result for a request: the context from the authorizer, or the name of the API Gateway answer that the client gets. */
export type Verdict = { context: Record<string, unknown> } | 'unauthorized' | 'forbidden' | 'internalError'

export type Authorizer = (
  request: ApiRequest,
  route: { key: string; pathParameters: Record<string, string> },
) => Promise<Verdict>

export interface AuthorizerOptions {
  logicalId: string
  function: LocalFunction
  /**
   * The parts of a request that identify its caller: `$request.header.NAME`, `$request.querystring.NAME` or `$context.routeKey`. Their values together
   * are the key of the cache.
   */
  identitySources: string[]
  /** The time for which a verdict is cached for the same identity. With 0, the function is invoked for each request. */
  ttlSeconds: number
  /** Milliseconds since 1970. */
  now(): number
}

const SimpleResponse = z.object({ isAuthorized: z.boolean(), context: z.record(z.string(), z.unknown()).default({}) })

/** Creates a Lambda authorizer with simple responses. A failure of the function is not cached: the next request invokes the function again. */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const sources = options.identitySources.map(source => identitySource(source, options.logicalId))
  // Without an identity source, one cached verdict would hold for all callers. API Gateway refuses such an authorizer, too.
  if (sources.length === 0 && options.ttlSeconds > 0)
    throw new LocalError(`${options.logicalId}: an authorizer without an identity source can't cache its results.`)
  const cache = new Map<string, { verdict: Verdict; until: number }>()

  return async (request, route) => {
    const identity = sources.map(source => source(request, route.key))
    const values = identity.filter(value => value !== undefined && value !== '') as string[]
    if (values.length < sources.length) return 'unauthorized'

    const key = JSON.stringify(values)
    const known = cache.get(key)
    if (known && known.until > options.now()) return known.verdict
    const verdict = verdictOf(await options.function.invoke(authorizerEvent(request, route, values)))
    if (options.ttlSeconds > 0 && verdict !== 'internalError')
      cache.set(key, { verdict, until: options.now() + options.ttlSeconds * 1000 })
    return verdict
  }
}

function verdictOf(result: Awaited<ReturnType<LocalFunction['invoke']>>): Verdict {
  if (!result.ok) return 'internalError'
  const response = SimpleResponse.safeParse(JSON.parse(result.payload))
  if (!response.success) return 'internalError'
  return response.data.isAuthorized ? { context: response.data.context } : 'forbidden'
}

type IdentitySource = (request: ApiRequest, routeKey: string) => string | undefined

function identitySource(expression: string, logicalId: string): IdentitySource {
  const [, kind, name = ''] = /^\$request\.(header|querystring)\.(.+)$/.exec(expression) ?? []
  if (kind === 'header') return request => request.headers?.[name.toLowerCase()]
  if (kind === 'querystring') return request => request.queryStringParameters?.[name]
  if (expression === '$context.routeKey') return (_request, routeKey) => routeKey
  throw new LocalError(`${logicalId}: identity source ${expression} is not supported by the local system.`)
}
