import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import { ApiError } from '../core/domain/errors.ts'
import { planOf } from '../core/domain/quota-settings.ts'
import { MAX_WAIT_SECONDS, waitForCompletion } from '../core/lifecycle/wait-for-completion.ts'
import { type ApiEvent, callerOf } from '../core/platform/api-event.ts'
import { countCalls } from '../core/platform/call-counter.ts'
import type { Caller } from '../core/platform/caller.ts'
import { answerErrors, type HttpResponse, json } from '../core/platform/http.ts'
import { readSettings } from '../core/platform/settings.ts'
import { cancelRequest } from './cancel-request.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { listRequests } from './list-requests.ts'
import { readQuota } from './read-quota.ts'
import { Settings } from './settings.ts'
import { unrouted } from './unrouted.ts'

const settings = readSettings(Settings)
const ports = compose(Env.parse(process.env), settings)
const calls = countCalls()

async function handle(event: ApiEvent): Promise<HttpResponse> {
  switch (event.routeKey) {
    case 'GET /healthz':
      return json(200, { status: 'ok' })
    case 'GET /v1/inference/{request_id}': {
      const { user_id } = countedCaller(event)
      const seconds = waitSeconds(event.queryStringParameters?.wait)
      // Two tabs may wait for one request.
      const patience = { ms: seconds * 1000, beside_others: true }
      return json(200, await waitForCompletion(ports, user_id, idOf(event), patience))
    }
    case 'DELETE /v1/inference/{request_id}': {
      const { cancelled, request } = await cancelRequest(ports, countedCaller(event).user_id, idOf(event))
      return json(cancelled ? 200 : 409, request)
    }
    case 'GET /v1/inference':
      return json(200, await listRequests(ports, countedCaller(event).user_id, event.queryStringParameters ?? {}))
    case 'GET /v1/quota':
      return json(200, await readQuota(ports, settings.quotas, countedCaller(event)))
    default:
      throw unrouted(event.rawPath)
  }
}

/** Who calls. Throws `ApiError` for a call over the rate of his plan. */
function countedCaller(event: ApiEvent): Caller {
  const caller = callerOf(event)
  calls.count(caller.user_id, planOf(settings.quotas, caller.plan).plan.rate, ports.clock())
  return caller
}

const idOf = (event: ApiEvent): string => event.pathParameters?.request_id ?? ''

/** Throws `ApiError`. */
function waitSeconds(text = '0'): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds <= MAX_WAIT_SECONDS) return seconds
  const message = `must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}`
  throw new ApiError('invalid_request', `\`wait\` ${message}`, { body: { details: [{ path: 'wait', message }] } })
}

export const handler = middy(handle).use(injectLambdaContext(ports.logger)).use(answerErrors(ports.logger))
