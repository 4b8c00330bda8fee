import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RequestError } from '../../../../../functions/core/domain/errors.ts'
import { dispatch, httpHandler, type UseCase } from '../../../../../functions/core/http/http-handler.ts'
import { json } from '../../../../../functions/core/http/response.ts'
import { type Telemetry, telemetry } from '../../../../../functions/core/platform/telemetry.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { aContext, anApiEvent, captureOutput, stubLambdaEnv } from '../../../../support/lambda.ts'

beforeEach(() => stubLambdaEnv())
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

/** An API whose errors have another shape than the errors of the inference API. */
const renderError = ({ message, code, details }: RequestError) =>
  json(code === 'invalid_request' ? 400 : 500, { error: { message, type: code, param: details.problems?.[0]?.path } })

/** Calls a function behind this API, and returns its answer, log lines and metrics. */
async function call(useCase: UseCase<Telemetry>, event = anApiEvent('GET /things')) {
  const output = captureOutput()
  const ports = telemetry({
    LOG_FIELDS: '{}',
    DEPLOYMENT: 'sluice',
    POWERTOOLS_SERVICE_NAME: 'sluice-gateway',
    POWERTOOLS_METRICS_NAMESPACE: 'Sluice',
  })
  const { statusCode, body } = await httpHandler(ports, renderError, useCase)(event, aContext())
  return { statusCode, body: JSON.parse(body ?? ''), logs: output.logs() }
}

describe('httpHandler', () => {
  it('passes a call to the use case as a plain object, without the event types of Lambda', async () => {
    const { statusCode, body } = await call(
      async (_, { route, path, headers, query, parameters, caller, body, remainingMs }) =>
        json(200, { route, path, headers, query, parameters, user: caller().user_id, body: body(), ms: remainingMs() }),
      anApiEvent('GET /things', { body: 'aGVsbG8=', isBase64Encoded: true, pathParameters: { id: '7' } }),
    )

    expect(statusCode).toBe(200)
    expect(body).toEqual({
      route: 'GET /things',
      path: '/things',
      headers: {},
      query: {},
      parameters: { id: '7' },
      user: 'u42',
      body: 'hello',
      ms: 60_000,
    })
  })

  it('answers an error in the format of the API that was called', async () => {
    const problems = [{ path: 'model', message: 'is missing' }]

    const { statusCode, body } = await call(() =>
      Promise.reject(new RequestError('invalid_request', '`model` is missing', { problems })),
    )

    expect(statusCode).toBe(400)
    expect(body).toEqual({ error: { message: '`model` is missing', type: 'invalid_request', param: 'model' } })
  })

  it.each([
    { error: new Unavailable('the queue', new Error('arn:aws:sqs')), code: 'unavailable' },
    { error: new TypeError('undefined is not a function of arn:aws:sqs'), code: 'internal_error' },
  ])(
    'answers an internal error with the code $code and no details, and logs the error’s message',
    async ({ error, code }) => {
      const { statusCode, body, logs } = await call(() => Promise.reject(error))

      expect(statusCode).toBe(500)
      expect(body.error.type).toBe(code)
      expect(JSON.stringify(body)).not.toContain('arn:aws')
      expect(logs.filter(({ level }) => level !== undefined)).toEqual([
        expect.objectContaining({
          level: 'ERROR',
          function_request_id: 'aws-request-id',
          error: expect.objectContaining({ message: error.message }),
        }),
      ])
      expect(JSON.stringify(logs)).not.toContain('"stack"')
    },
  )

  it('writes the metrics of a call in one log line, also if the call fails, and writes no line if nothing was counted', async () => {
    const count = (metrics: Telemetry['metrics']) => metrics.add('AcceptedRequests', 1)

    const counted = await call(async ({ metrics }) => {
      count(metrics)
      return json(200, {})
    })
    const failed = await call(async ({ metrics }) => {
      count(metrics)
      throw new RequestError('not_found', 'there is nothing')
    })
    const silent = await call(async () => json(200, {}))

    expect(counted.logs).toEqual([expect.objectContaining({ AcceptedRequests: 1 })])
    expect(failed.logs).toEqual([expect.objectContaining({ AcceptedRequests: 1 })])
    expect(silent.logs).toEqual([])
  })
})

describe('dispatch', () => {
  const routes = dispatch<Telemetry>({ 'GET /things': async () => json(200, { things: [] }) })

  it('sends a call to the use case of its route', async () => {
    expect(await call(routes)).toMatchObject({ statusCode: 200, body: { things: [] } })
  })

  it.each(['$default', 'constructor'])('refuses a call whose route is %s', async route => {
    const { body } = await call(routes, anApiEvent(route, { rawPath: '/nowhere' }))

    expect(body.error.type).toBe('not_found')
  })
})
