import { RequestError } from '../domain/errors.ts'

interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `{name}` stands for one segment of any text. */
  readonly path: string
  /** The entry point that answers the call. */
  readonly function: 'gateway' | 'reader'
  /** Whether API Gateway asks the authorizer first. */
  readonly needs_key: boolean
}

/**
 * The routes of the HTTP API. The stack makes API Gateway's routes from this table. The functions find the use case of
 * a call by the key of its route. `noRoute` chooses between 404 and 405 with this table. The local system reads the
 * routes from the synthesized template, and not from here.
 */
export const ROUTES = [
  { method: 'POST', path: '/v1/inference', function: 'gateway', needs_key: true },
  // The two paths of the Benthos pipeline that Sluice replaces, so that its clients need not change.
  { method: 'POST', path: '/generate', function: 'gateway', needs_key: true },
  { method: 'POST', path: '/api/v1/inference', function: 'gateway', needs_key: true },
  { method: 'GET', path: '/v1/inference', function: 'reader', needs_key: true },
  { method: 'GET', path: '/v1/inference/{request_id}', function: 'reader', needs_key: true },
  { method: 'GET', path: '/v1/quota', function: 'reader', needs_key: true },
  { method: 'DELETE', path: '/v1/inference/{request_id}', function: 'reader', needs_key: true },
  // The OpenAI API.
  { method: 'POST', path: '/v1/chat/completions', function: 'gateway', needs_key: true },
  { method: 'POST', path: '/v1/completions', function: 'gateway', needs_key: true },
  { method: 'POST', path: '/v1/embeddings', function: 'gateway', needs_key: true },
  { method: 'POST', path: '/v1/responses', function: 'gateway', needs_key: true },
  { method: 'GET', path: '/v1/models', function: 'reader', needs_key: true },
  { method: 'GET', path: '/v1/models/{model}', function: 'reader', needs_key: true },
  { method: 'GET', path: '/v1/chat/completions/{request_id}', function: 'reader', needs_key: true },
  { method: 'GET', path: '/v1/responses/{request_id}', function: 'reader', needs_key: true },
  { method: 'POST', path: '/v1/responses/{request_id}/cancel', function: 'reader', needs_key: true },
  { method: 'DELETE', path: '/v1/responses/{request_id}', function: 'reader', needs_key: true },
  { method: 'GET', path: '/openapi.json', function: 'reader', needs_key: false },
  { method: 'GET', path: '/healthz', function: 'reader', needs_key: false },
] as const satisfies readonly Route[]

type KeyOf<R> = R extends Route ? `${R['method']} ${R['path']}` : never
type Routes = (typeof ROUTES)[number]

/** The name of a route in API Gateway, such as `GET /v1/quota`: the routes of all functions, or of one. */
export type RouteKey<Function extends Route['function'] = Route['function']> = KeyOf<
  Extract<Routes, { function: Function }>
>

/** The routes that need no API key. */
export type OpenRouteKey = KeyOf<Extract<Routes, { needs_key: false }>>

/** The route that API Gateway uses if a method and a path have no route. The reader answers it. */
export const NO_ROUTE = '$default'

/** Builds the error of a call without a route: its path exists only with other methods, or does not exist. */
export function noRoute(path: string): RequestError {
  const allow = ROUTES.filter(route => matches(route.path, path)).map(({ method }) => method)
  if (allow.length === 0) return new RequestError('not_found', 'there is nothing at this path')
  allow.sort()
  return new RequestError('method_not_allowed', `${path} takes ${allow.join(', ')} only`, { allow })
}

function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/')
  const actual = path.split('/')
  return (
    expected.length === actual.length &&
    expected.every((segment, i) => (segment.startsWith('{') ? actual[i] !== '' : actual[i] === segment))
  )
}
