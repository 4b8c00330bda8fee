import { LocalError } from '../error.ts'

/** A route of an HTTP API: `ANY /things/{id}`, `GET /files/{path+}` or `$default`. */
export interface Route<Target> {
  key: string
  target: Target
}

export interface Match<Target> {
  key: string
  target: Target
  pathParameters: Record<string, string>
}

/** Finds the route for a method and a path without query. The most specific route wins, as in API Gateway. */
export type Router<Target> = (method: string, path: string) => Match<Target> | undefined

interface Compiled<Target> {
  route: Route<Target>
  method: string
  segments: string[]
  rank: string
}

export function createRouter<Target>(routes: readonly Route<Target>[]): Router<Target> {
  const compiled = routes
    .filter(route => route.key !== '$default')
    .map(compile)
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
  const fallback = routes.find(route => route.key === '$default')

  return (method, path) => {
    const segments = path.split('/').slice(1)
    for (const candidate of compiled) {
      if (candidate.method !== 'ANY' && candidate.method !== method) continue
      const pathParameters = matchSegments(candidate.segments, segments)
      if (pathParameters) return { ...candidate.route, pathParameters }
    }
    return fallback && { ...fallback, pathParameters: {} }
  }
}

function compile<Target>(route: Route<Target>): Compiled<Target> {
  const [, method, path] = /^([A-Z]+) (\/.*)$/.exec(route.key) ?? []
  if (method === undefined || path === undefined)
    throw new LocalError(`Route ${route.key}: must be METHOD /path or $default.`)
  const segments = path.split('/').slice(1)
  // The rank sorts routes, and lower ranks match first. Per segment, a text is before a variable, and a variable is before `{path+}`. If the paths have
  // the same rank, a single method is before ANY.
  const rank = segments.map(segment => (isRest(segment) ? '2' : isVariable(segment) ? '1' : '0')).join('')
  return { route, method, segments, rank: `${rank} ${method === 'ANY' ? 1 : 0}` }
}

function matchSegments(pattern: string[], segments: string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {}
  for (const [index, expected] of pattern.entries()) {
    const actual = segments[index]
    if (actual === undefined) return undefined
    if (isRest(expected)) {
      parameters[expected.slice(1, -2)] = segments.slice(index).map(decode).join('/')
      return parameters
    }
    if (isVariable(expected)) {
      if (actual === '') return undefined
      parameters[expected.slice(1, -1)] = decode(actual)
    } else if (expected !== actual) return undefined
  }
  return pattern.length === segments.length ? parameters : undefined
}

function isRest(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('+}')
}

function isVariable(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('}')
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
