import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import type { Accepted } from '../core/admission/accept.ts'
import { parseBody } from '../core/admission/parse-body.ts'
import { type Prepared, prepare } from '../core/admission/prepare.ts'
import { createRouter } from '../core/admission/route.ts'
import { ApiError } from '../core/domain/errors.ts'
import { isTerminal } from '../core/domain/item.ts'
import { planOf } from '../core/domain/quota-settings.ts'
import { waitForCompletion } from '../core/lifecycle/wait-for-completion.ts'
import { type ApiEvent, bodyOf, callerOf } from '../core/platform/api-event.ts'
import { countCalls } from '../core/platform/call-counter.ts'
import { answerErrors, type HttpResponse } from '../core/platform/http.ts'
import { readSettings } from '../core/platform/settings.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { idempotencyKey, preferredWait } from './headers.ts'
import { accepted, ended } from './respond.ts'
import { Settings } from './settings.ts'
import { submitKeyed } from './submit-keyed.ts'
import { submitRequest } from './submit-request.ts'

const settings = readSettings(Settings)
const ports = compose(Env.parse(process.env), settings)
const route = createRouter(settings)
const calls = countCalls()

/** What is left of the invocation when a wait ends, to answer in. Milliseconds. */
const ANSWER_MS = 2_000

async function handle(event: ApiEvent, context: Context): Promise<HttpResponse> {
  const caller = callerOf(event)
  const { rate } = planOf(settings.quotas, caller.plan).plan
  const now = ports.clock()
  try {
    calls.count(caller.user_id, rate, now)
    const key = idempotencyKey(event.headers)
    const prepared = await prepare(ports, settings, route, caller, parseBody(bodyOf(event)))
    const answer = await (key === undefined ? submitRequest(ports, prepared) : submitKeyed(ports, key, prepared))
    ports.metrics.addMetric('AcceptedRequests', 'Count', 1)
    ports.metrics.addMetric('ReservedTokens', 'Count', answer.item.estimate)
    return (await waited(event, context, prepared, answer)) ?? accepted(prepared, answer)
  } catch (error) {
    if (error instanceof ApiError) ports.metrics.addMetric('RefusedRequests', 'Count', 1)
    if (error instanceof ApiError && error.code === 'rate_exceeded') calls.exhaust(caller.user_id, rate, now)
    throw error
  }
}

/** The end of the request, if the client prefers to wait for it and it comes in time. It is accepted whatever happens here. */
async function waited(
  event: ApiEvent,
  context: Context,
  prepared: Prepared,
  answer: Accepted,
): Promise<HttpResponse | undefined> {
  const seconds = preferredWait(event.headers)
  if (seconds === 0) return undefined
  const { user_id, request_id } = answer.item
  const ms = Math.min(seconds * 1000, context.getRemainingTimeInMillis() - ANSWER_MS)
  try {
    // A client that repeats a call has mostly given up the one before, which waits on for nobody.
    const view = await waitForCompletion(ports, user_id, request_id, { ms, beside_others: false })
    return isTerminal(view.status) ? ended(prepared, answer, view, seconds) : undefined
  } catch (error) {
    ports.logger.error('the wait for a request failed', { request_id, error: error as Error })
    return undefined
  }
}

export const handler = middy(handle)
  .use(injectLambdaContext(ports.logger))
  .use(logMetrics(ports.metrics))
  .use(answerErrors(ports.logger))
