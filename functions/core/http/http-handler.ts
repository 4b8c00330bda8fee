import type { RequestError } from '../domain/errors.ts'
import { CLIENT_FLUSH_MS, lambdaHandler } from '../platform/lambda-handler.ts'
import { toRequestError } from '../platform/request-error.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import { type ApiEvent, checkKey, type HttpCall, toCall } from './call.ts'
import type { HttpResponse } from './response.ts'
import { noRoute } from './routes.ts'
import { tracedCall } from './traced-call.ts'

/** A use case of the HTTP API. Throws `RequestError` for a call that it refuses, and `Unavailable` if a service can't be reached. */
export type UseCase<Ports> = (ports: Ports, call: HttpCall) => Promise<HttpResponse>

/** Builds the answer to a call that failed, in the shape of its API. */
export type RenderError = (error: RequestError, call: HttpCall) => HttpResponse

/**
 * Makes the Lambda handler of a function behind the HTTP API. The handler first refuses a call without a valid key. It
 * answers each error of the use case in the shape of the API. A client sees only our own sentences, and never the
 * message of an exception.
 */
export const httpHandler = <Ports extends Telemetry>(
  ports: Ports,
  renderError: RenderError,
  useCase: UseCase<Ports>,
) => {
  const answer = async (event: ApiEvent, call: HttpCall): Promise<HttpResponse> => {
    try {
      checkKey(event)
      return await useCase(ports, call)
    } catch (error) {
      return renderError(toRequestError(error, ports.logger), call)
    }
  }
  return lambdaHandler(
    ports,
    (_, event: ApiEvent, context) => {
      const call = toCall(event, context)
      return tracedCall(ports.tracing, call, () => answer(event, call))
    },
    { flushMs: CLIENT_FLUSH_MS },
  )
}

/**
 * Makes the use case that passes each call to the use case of its route. Throws the `RequestError` of a call without a
 * route.
 */
export const dispatch =
  <Ports>(useCases: Readonly<Record<string, UseCase<Ports>>>): UseCase<Ports> =>
  async (ports, call) => {
    const useCase = Object.hasOwn(useCases, call.route) ? useCases[call.route] : undefined
    if (!useCase) throw noRoute(call.path)
    return useCase(ports, call)
  }
