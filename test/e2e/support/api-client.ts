import { expect } from 'vitest'
import { eventually } from './eventually.ts'

type Json = Record<string, unknown>

export interface ApiAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: Json
}

export interface Quota {
  readonly requests: { used: number; limit: number }
  readonly tokens: { used: number; reserved: number; limit: number }
  readonly in_flight: { used: number; limit: number }
}

/** A client of the API that uses one API key. */
export interface ApiClient {
  /** Makes any call to the API. `body` is sent unchanged. */
  send(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<ApiAnswer>
  /** Posts a request, which may be refused. */
  post(body: object, headers?: Record<string, string>): Promise<ApiAnswer>
  /** Posts a request that must be accepted, and returns its id. */
  submit(body: object): Promise<string>
  /** Waits until the request has ended, and returns the body of `GET /v1/inference/{id}`. */
  ended(requestId: string): Promise<Json>
  quota(): Promise<Quota>
  /** Waits until the user has no request in flight, and returns the quota. */
  settledQuota(): Promise<Quota>
}

const TERMINAL = ['completed', 'failed', 'cancelled', 'expired']

/** Makes a client. Without `key`, it sends no API key. The headers and the body of every answer are added to `transcript` as text. */
export function createApiClient(apiUrl: string, key?: string, transcript: string[] = []): ApiClient {
  const send: ApiClient['send'] = async (method, path, body, more = {}) => {
    const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'x-api-key': key }), ...more }
    const response = await fetch(apiUrl + path, { method, headers, ...(body !== undefined && { body }) })
    const text = await response.text()
    const answer = { status: response.status, headers: Object.fromEntries(response.headers), body: JSON.parse(text) }
    transcript.push(JSON.stringify(answer.headers) + text)
    return answer
  }
  const post: ApiClient['post'] = (body, headers) => send('POST', '/v1/inference', JSON.stringify(body), headers)
  const quota = async () => (await send('GET', '/v1/quota')).body as unknown as Quota
  return {
    send,
    post,
    submit: async body => {
      const answer = await post(body)
      expect(answer.status, JSON.stringify(answer.body)).toBe(202)
      return String(answer.body.request_id)
    },
    ended: requestId =>
      eventually(async () => {
        const { status, body } = await send('GET', `/v1/inference/${requestId}`)
        expect(status).toBe(200)
        expect(TERMINAL).toContain(body.status)
        return body
      }),
    quota,
    settledQuota: () =>
      eventually(async () => {
        const now = await quota()
        expect(now.in_flight.used).toBe(0)
        return now
      }),
  }
}
