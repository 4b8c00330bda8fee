import { parseJson } from '../local/parse-json.ts'

const CALL_TIMEOUT_MS = 40_000

/** The address of the API, and the key for the calls. */
export interface Caller {
  readonly apiUrl: string
  readonly key: string
}

/** The answer, or the reason why there is none. */
export type Answered = { readonly status: number; readonly body: unknown } | string

/** Makes a GET, or a POST of a body. */
export async function callApi({ apiUrl, key }: Caller, path: string, body?: object): Promise<Answered> {
  try {
    const response = await fetch(apiUrl + path, {
      method: body ? 'POST' : 'GET',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    const text = await response.text()
    return { status: response.status, body: parseJson(text) ?? text }
  } catch (error) {
    return `the API can't be reached: ${reasonOf(error)}`
  }
}

/** Returns the reason of a failed call. It is in the cause of fetch's error. */
function reasonOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  return (cause instanceof Error ? cause.message : message).replace(/\s+/g, ' ').trim()
}
