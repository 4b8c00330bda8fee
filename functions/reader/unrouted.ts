import { ApiError } from '../core/domain/errors.ts'

/** Paths that there are, and what may be done with them: whatever reaches the catch-all is none of these pairs. */
const METHODS: readonly { readonly path: RegExp; readonly allow: string }[] = [
  { path: /^\/v1\/inference$/, allow: 'GET, POST' },
  { path: /^\/(generate|api\/v1\/inference)$/, allow: 'POST' },
  { path: /^\/v1\/inference\/[^/]+$/, allow: 'DELETE, GET' },
  { path: /^\/(v1\/quota|healthz)$/, allow: 'GET' },
]

/** The answer to a path or a method that no route has. */
export function unrouted(path: string): ApiError {
  const known = METHODS.find(({ path: pattern }) => pattern.test(path))
  return known
    ? new ApiError('method_not_allowed', `${path} takes ${known.allow} only`, { headers: { Allow: known.allow } })
    : new ApiError('not_found', 'there is nothing at this path')
}
