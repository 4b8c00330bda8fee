import type { Route } from './route.ts'
import { ROUTES } from './routes.ts'

/** Finds the route of a call. If the path has no route with the call's method, returns the methods that the path has. */
export function findRoute(
  method: string | undefined,
  path: string,
): { readonly route: Route; readonly params: Record<string, string> } | { readonly methods: readonly string[] } {
  const ofPath = ROUTES.flatMap(route => {
    const params = paramsIn(route.path, path)
    return params ? [{ route, params }] : []
  })
  // If several routes match, the route with the fewest parameters counts. So `/dead-letters/redrive` is the operation, and
  // not a dead letter with the name `redrive`. No dead letter has this name.
  const [found] = ofPath
    .filter(({ route }) => route.method === method)
    .toSorted((a, b) => Object.keys(a.params).length - Object.keys(b.params).length)
  return found ?? { methods: ofPath.map(({ route }) => route.method) }
}

function paramsIn(pattern: string, path: string): Record<string, string> | undefined {
  const [expected, given] = [pattern.split('/'), path.split('/')]
  if (expected.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, segment] of expected.entries()) {
    const actual = given[index] ?? ''
    const [, name] = /^\{(\w+)\}$/.exec(segment) ?? []
    if (name !== undefined) params[name] = decoded(actual)
    else if (segment !== actual) return undefined
  }
  return params
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
