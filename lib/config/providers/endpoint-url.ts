import type { OperationPath } from './profile.ts'

/**
 * Returns the URL of a provider's operation. `url` is the base of the API or any of its paths, so the result may be
 * used as `url` again. A query stays. Returns undefined if the operation's path needs the model's name, and
 * `model` is undefined.
 */
export function operationUrl(url: string, path: OperationPath, model: string | undefined): string | undefined {
  const parsed = new URL(url)
  // A model's name in the path is not changed, because a signature covers the path.
  if (ends(parsed.pathname, pattern(path.operation))) return url
  if (path.operation.includes(MODEL) && model === undefined) return undefined
  parsed.pathname = basePath(parsed.pathname, path) + path.operation.replace(MODEL, encodeURIComponent(model ?? ''))
  return parsed.href
}

/** Returns whether a URL is of an operation of the API, not only of its base. */
export function isOfOperation(url: string, { operation, known }: OperationPath): boolean {
  const { pathname } = new URL(url)
  return [pattern(operation), ...known].some(of => ends(trim(pathname), of))
}

const MODEL = '{model}'

/** Returns the path of the API's base: the given path without the part that belongs to an operation of the API. */
function basePath(pathname: string, { operation, base, known }: OperationPath): string {
  const given = trim(pathname)
  const below = new RegExp(`(?:${[...known, ...beginningsOf(operation)].join('|')})$`).exec(given)?.[0] ?? ''
  return given === '' ? base : given.slice(0, given.length - below.length)
}

/**
 * Returns the beginnings of an operation's path, such as `/v1` of `/v1/messages`. A URL may end in the middle of this
 * path.
 */
function beginningsOf(operation: string): string[] {
  const parts = operation.split('/').slice(1)
  return parts.slice(1).map((_, index) => pattern(`/${parts.slice(0, index + 1).join('/')}`))
}

const pattern = (path: string): string => path.replace(MODEL, '[^/]+')
const ends = (pathname: string, of: string): boolean => new RegExp(`${of}$`).test(pathname)
const trim = (pathname: string): string => pathname.replace(/\/+$/, '')
