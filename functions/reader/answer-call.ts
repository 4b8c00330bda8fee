import { RequestError } from '../core/domain/errors.ts'
import { dispatch, type UseCase } from '../core/http/http-handler.ts'
import { json } from '../core/http/response.ts'
import type { RouteKey } from '../core/http/routes.ts'
import type { RequestView } from '../core/lifecycle/view-request.ts'
import { MAX_WAIT_SECONDS, waitForCompletion } from '../core/lifecycle/wait-for-completion.ts'
import { cancelRequest } from './cancel-request.ts'
import { countedCaller, requestIn } from './counted-caller.ts'
import { listRequests } from './list-requests.ts'
import { openAiCalls } from './openai-calls.ts'
import type { ReaderPorts } from './ports.ts'
import { readQuota } from './read-quota.ts'

/** Answers a call of any route of the reader. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached. */
export const answerCall = dispatch<ReaderPorts>({
  'GET /healthz': async () => json(200, { status: 'ok' }),

  'GET /v1/inference/{request_id}': async (ports, call) => {
    const { user_id } = countedCaller(ports, call)
    const seconds = waitSeconds(call.query.wait)
    // Several calls may wait for the same request (`beside_others`), for example from two tabs of a browser.
    const patience = { ms: seconds * 1000, beside_others: true }
    return json(200, await waitForCompletion(ports, user_id, requestIn(call), patience))
  },

  'DELETE /v1/inference/{request_id}': async (ports, call) => {
    const { cancelled, request } = await cancelRequest(ports, countedCaller(ports, call).user_id, requestIn(call))
    return cancelled ? json(200, request) : json(409, { ...request, ...alreadyEnded(request) })
  },

  'GET /v1/inference': async (ports, call) =>
    json(200, await listRequests(ports, countedCaller(ports, call).user_id, call.query)),

  'GET /v1/quota': async (ports, call) =>
    json(200, await readQuota(ports, ports.settings.quotas, countedCaller(ports, call))),

  ...openAiCalls,

  'GET /openapi.json': async () => json(200, await description()),
} satisfies Record<RouteKey<'reader'>, UseCase<ReaderPorts>>)

let described: Promise<unknown> | undefined

/**
 * Returns the OpenAPI document. It is made at its first call, because it is the same for all callers, and needs code
 * that no other call needs.
 */
async function description(): Promise<unknown> {
  described ??= Promise.all([import('../core/openai-api/openapi.ts'), import('../core/inference-api/body.ts')]).then(
    ([{ openApiDocument }, { InferenceBody }]) => openApiDocument(InferenceBody),
  )
  return described
}

/**
 * Returns the fields of the error. The answer has them in addition to the fields of the request. Only the `error` of a
 * failed request is replaced.
 */
const alreadyEnded = ({ status }: RequestView) => ({
  error: `the request can't be cancelled, because it has already ended: it is ${status}`,
  code: 'already_ended',
})

/** Reads the seconds of a wait. Throws `RequestError`. */
function waitSeconds(text = '0'): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds <= MAX_WAIT_SECONDS) return seconds
  const message = `must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}`
  throw new RequestError('invalid_request', `\`wait\` ${message}`, { problems: [{ path: 'wait', message }] })
}
