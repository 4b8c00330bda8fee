import { parseJson } from '../local/parse-json.ts'

const CALL_TIMEOUT_MS = 40_000

/** The address of the API, and the key for the calls. */
export interface Caller {
  readonly apiUrl: string
  readonly key: string
}

/** The status and body of an answer, or a text with the reason why there is no answer. */
export type Answered = { readonly status: number; readonly body: unknown } | string

/** Calls the API with POST if `body` is given, otherwise with GET. */
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

/** Returns why a call failed. If fetch's error has a cause, the cause gives the reason, and the error itself does not. */
function reasonOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  return (cause instanceof Error ? cause.message : message).replace(/\s+/g, ' ').trim()
}
