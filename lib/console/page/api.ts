const KEPT_TOKEN = 'sluice-token'

/** The error of a call that the operator API refused, or that could not reach it. The message is one sentence for people. */
export class CallError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Removes the token from the page's address, so that neither the browser's history nor a screenshot contains the token.
 * Stores the token for a reload of this tab.
 */
export function takeToken(): void {
  const token = new URLSearchParams(location.search).get('token')
  if (token === null) return
  sessionStorage.setItem(KEPT_TOKEN, token)
  history.replaceState(null, '', location.pathname + location.hash)
}

/** The parameters of a call. A parameter without a value is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>

/** Returns the address of a call: `/requests?status=failed`. */
export function addressOf(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/** Calls the operator API. A call with a body is a POST, and any other call is a GET. Throws `CallError`. */
export async function call<T>(
  address: string,
  { body, signal }: { body?: object; signal?: AbortSignal } = {},
): Promise<T> {
  const response = await fetch(`/console/api${address}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      authorization: `Bearer ${sessionStorage.getItem(KEPT_TOKEN)}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error
    throw new CallError(0, 'The system can’t be reached. Is it still running?')
  })
  const answer = await response.json()
  if (response.ok) return answer
  if (response.status === 401)
    throw new CallError(401, 'The system was started again. Open the address that it has printed.')
  throw new CallError(response.status, sentenceOf(answer))
}

function sentenceOf(answer: { error?: string; details?: readonly { path: string; message: string }[] }): string {
  const details = (answer.details ?? []).map(({ path, message }) => `${path}: ${message}`)
  return [answer.error ?? 'the operation failed', ...details].join('; ')
}
