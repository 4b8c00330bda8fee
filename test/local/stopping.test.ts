import { describe, expect, onTestFinished, test } from 'vitest'
import { RequestError } from '../../functions/core/domain/errors.ts'
import type { HttpCall } from '../../functions/core/http/call.ts'
import { ROUTES } from '../../functions/core/http/routes.ts'
import { renderError } from '../../functions/core/inference-api/errors.ts'
import { withOpenAiErrors } from '../../functions/core/openai-api/errors.ts'
import { type RouteTarget, startHttpServer } from '../../lib/local/http-api/server.ts'

/** Starts a server with a function that answers as `result` does. `began` resolves when a call has reached the function. */
async function answering(result: Promise<{ ok: false }>) {
  const began = Promise.withResolvers<void>()
  const invoke = () => {
    began.resolve()
    return result
  }
  const server = await startHttpServer(0)
  onTestFinished(() => server.close(0))
  const target = { function: { invoke }, authorizer: undefined, timeoutMs: 60_000 } as unknown as RouteTarget
  server.serve({ apiId: 'api', stage: '$default', routes: [{ key: '$default', target }] })
  return { server, began: began.promise }
}

/** Makes a call to a function that never answers, so that the stop of its server interrupts the call. */
async function interrupted(path: string, init: RequestInit) {
  const { server, began } = await answering(new Promise(() => undefined))
  const answer = fetch(server.url + path, init)
  await began
  const closed = server.close(0)
  const response = await answer
  const body: unknown = await response.json()
  await closed
  return { status: response.status, headers: response.headers, body }
}

/** Returns the names of the fields of an error's body, and of the object in its field `error`, if there is one. */
const fieldsOf = (body: unknown): unknown => {
  const { error, ...others } = body as { error: unknown }
  return [Object.keys(others), typeof error === 'object' ? Object.keys(error ?? {}) : typeof error]
}

describe('a call that the stop of the local API interrupts', () => {
  test.each(ROUTES)('on $method $path gets a 503 in the shape of the errors there', async ({ method, path }) => {
    const call = { path, route: `${method} ${path}`, headers: {} } as HttpCall
    const usual = withOpenAiErrors(renderError)(new RequestError('unavailable', 'try again'), call)

    const { status, body, headers } = await interrupted(path, { method })

    expect(status).toBe(503)
    expect(JSON.stringify(body)).toContain('"code":"unavailable"')
    expect(fieldsOf(body)).toEqual(fieldsOf(JSON.parse(usual.body ?? '')))
    expect(headers.get('retry-after')).toMatch(/^\d+$/)
  })

  test('a POST gets the information that its request may have been admitted, and SDKs repeat the POST only with an Idempotency-Key', async () => {
    const path = '/v1/chat/completions'
    const without = await interrupted(path, { method: 'POST' })
    const keyed = await interrupted(path, { method: 'POST', headers: { 'idempotency-key': 'k' } })

    for (const { body } of [without, keyed]) expect(JSON.stringify(body)).toContain('may have been admitted')
    expect(without.headers.get('x-should-retry')).toBe('false')
    expect(keyed.headers.get('x-should-retry')).toBe('true')
  })

  test('a POST that cancels a request may be repeated', async () => {
    const { body, headers } = await interrupted('/v1/responses/x/cancel', { method: 'POST' })

    expect(JSON.stringify(body)).not.toContain('may have been admitted')
    expect(headers.get('x-should-retry')).toBe('true')
  })

  test('gets a 503 and not a 500 if its function ends with the local system', async () => {
    const end = Promise.withResolvers<{ ok: false }>()
    const { server, began } = await answering(end.promise)
    const answer = fetch(`${server.url}/v1/quota`)
    await began
    const closed = server.close(60_000)
    end.resolve({ ok: false })

    expect((await answer).status).toBe(503)
    await closed
  })
})
