import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import { type ApiEvent, callerOf } from '../platform/api-event.ts'
import { answerErrors, type HttpResponse, json } from '../platform/http.ts'
import { readSettings } from '../platform/settings.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { readQuota } from './read-quota.ts'
import { readRequest } from './read-request.ts'
import { Settings } from './settings.ts'
import { unrouted } from './unrouted.ts'

const ports = compose(Env.parse(process.env))
const settings = readSettings(Settings)

async function handle(event: ApiEvent): Promise<HttpResponse> {
  switch (event.routeKey) {
    case 'GET /healthz':
      return json(200, { status: 'ok' })
    case 'GET /v1/inference/{request_id}': {
      const { user_id } = callerOf(event)
      return json(200, await readRequest(ports, user_id, event.pathParameters?.request_id ?? ''))
    }
    case 'GET /v1/quota':
      return json(200, await readQuota(ports, settings.quotas, callerOf(event)))
    default:
      throw unrouted(event.rawPath)
  }
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(answerErrors(ports.logger))
