import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import { type ApiEvent, bodyOf, callerOf } from '../platform/api-event.ts'
import { answerErrors, type HttpResponse } from '../platform/http.ts'
import { readSettings } from '../platform/settings.ts'
import { ApiError } from '../requests/errors.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { parseBody } from './parse-body.ts'
import { accepted } from './respond.ts'
import { createRouter } from './route.ts'
import { Settings } from './settings.ts'
import { submitRequest } from './submit-request.ts'

const ports = compose(Env.parse(process.env))
const settings = readSettings(Settings)
const route = createRouter(settings)

async function handle(event: ApiEvent): Promise<HttpResponse> {
  try {
    const result = await submitRequest(ports, settings, route, callerOf(event), parseBody(bodyOf(event)))
    ports.metrics.addMetric('AcceptedRequests', 'Count', 1)
    ports.metrics.addMetric('ReservedTokens', 'Count', result.item.estimate)
    return accepted(result)
  } catch (error) {
    if (error instanceof ApiError) ports.metrics.addMetric('RefusedRequests', 'Count', 1)
    throw error
  }
}

export const handler = middy(handle)
  .use(injectLambdaContext(ports.logger))
  .use(logMetrics(ports.metrics))
  .use(answerErrors(ports.logger))
