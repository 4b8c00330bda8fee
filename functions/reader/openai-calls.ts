import { RequestError } from '../core/domain/errors.ts'
import { isTerminal } from '../core/domain/item.ts'
import { planOf } from '../core/domain/quota-settings.ts'
import type { HttpCall } from '../core/http/call.ts'
import type { UseCase } from '../core/http/http-handler.ts'
import { type HttpResponse, json } from '../core/http/response.ts'
import type { RouteKey } from '../core/http/routes.ts'
import { viewResponse } from '../core/lifecycle/view-request.ts'
import { MAX_WAIT_SECONDS, waitForCompletion } from '../core/lifecycle/wait-for-completion.ts'
import { backgroundAnswer, laterAnswer, stillRunning } from '../core/openai-api/answers.ts'
import type { Caller } from '../core/platform/caller.ts'
import { cancelRequest } from './cancel-request.ts'
import { countedCaller, requestIn } from './counted-caller.ts'
import { eraseRequest } from './erase-request.ts'
import type { ReaderPorts } from './ports.ts'

type OpenAiRoute = Extract<RouteKey<'reader'>, `${string} /v1/${'models' | 'chat' | 'responses'}${string}`>

/**
 * Answers the calls to the OpenAI API that read, cancel or delete. Each function throws `RequestError`, and
 * `Unavailable`.
 */
export const openAiCalls = {
  'GET /v1/models': async (ports, call) => {
    const data = allowedModels(ports, countedCaller(ports, call)).map(modelOf)
    return json(200, { object: 'list', data })
  },

  'GET /v1/models/{model}': async (ports, call) => {
    const named = call.parameters.model ?? ''
    if (allowedModels(ports, countedCaller(ports, call)).includes(named)) return json(200, modelOf(named))
    throw new RequestError('unknown_model', `there is no model "${named}"`)
  },

  'GET /v1/chat/completions/{request_id}': async (ports, call) => {
    const { user_id } = countedCaller(ports, call)
    const patience = { ms: MAX_WAIT_SECONDS * 1000, beside_others: true }
    const view = await waitForCompletion(ports, user_id, requestIn(call), patience)
    if (!isTerminal(view.status)) throw stillRunning(view.request_id)
    return laterAnswer(view, idHeader(view.request_id))
  },

  'GET /v1/responses/{request_id}': async (ports, call) => {
    const { user_id } = countedCaller(ports, call)
    refuseQuery(call)
    const view = await viewResponse(ports, user_id, requestIn(call))
    return backgroundAnswer(view, idHeader(view.request_id))
  },

  'POST /v1/responses/{request_id}/cancel': async (ports, call): Promise<HttpResponse> => {
    const { user_id } = countedCaller(ports, call)
    const { cancelled, request } = await cancelRequest(ports, user_id, requestIn(call))
    if (cancelled || request.status === 'cancelled')
      return backgroundAnswer({ ...request, status: 'cancelled' }, idHeader(request.request_id))
    const sentence = `the response can't be cancelled, because it has already ended: it is ${request.status}`
    throw new RequestError('already_ended', sentence, { request_id: request.request_id })
  },

  'DELETE /v1/responses/{request_id}': async (ports, call) => {
    const { user_id } = countedCaller(ports, call)
    const id = requestIn(call)
    await eraseRequest(ports, user_id, id)
    return json(200, { id, object: 'response', deleted: true }, idHeader(id))
  },
} satisfies Record<OpenAiRoute, UseCase<ReaderPorts>>

const idHeader = (requestId: string) => ({ 'x-request-id': requestId })

/** Makes the description of a model. `created` is 0, because the time is not known. */
const modelOf = (name: string) => ({ id: name, object: 'model', created: 0, owned_by: 'sluice' })

const allowedModels = ({ settings }: ReaderPorts, { plan }: Caller): readonly string[] =>
  planOf(settings.quotas, plan).plan.models ?? settings.models

/** The parameters for a stored response that OpenAI has and Sluice does not support. */
const UNSUPPORTED = ['stream', 'starting_after', 'include', 'include[]']

function refuseQuery({ query }: HttpCall): void {
  const field = UNSUPPORTED.find(name => query[name] !== undefined && query[name] !== 'false')
  if (field === undefined) return
  const message = 'is not supported for a response that is read by its id'
  throw new RequestError('invalid_request', `\`${field}\` ${message}`, {
    problems: [{ path: field.replace('[]', ''), message }],
    is_unsupported: true,
  })
}
