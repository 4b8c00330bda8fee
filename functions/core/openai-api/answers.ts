import { RequestError } from '../domain/errors.ts'
import { failureSentence } from '../domain/item.ts'
import type { Operation } from '../domain/operation.ts'
import { type HttpResponse, json } from '../http/response.ts'
import type { RequestView } from '../lifecycle/view-request.ts'
import type { Json } from '../openai-format/json.ts'
import { isChatCompletion, isCompletion } from '../openai-format/said.ts'
import { chatCompletion, completion } from './chat-answer.ts'
import { embeddingList, embeddingsIn, isOfEmbeddings } from './embeddings-answer.ts'
import { responseOf } from './response-answer.ts'
import { chunkStream, eventStream } from './streams.ts'
import type { OpenAiCall } from './submission.ts'

type Headers = Record<string, string>

/** The form of the answer that the client wants. */
type Wanted = Pick<OpenAiCall, 'stream' | 'include_usage' | 'encoding' | 'texts'> & {
  readonly submission: { readonly body: Json }
}

/**
 * Builds the answer to a call that does not wait: a `response` object of the OpenAI API about the request. `body` is the
 * body of the call, if the call has posted the request. Throws a `RequestError` if the result no longer exists.
 */
export function backgroundAnswer(view: RequestView, headers: Headers, body?: Json): HttpResponse {
  checkResult(view)
  return json(200, responseOf(view, body), headers)
}

/**
 * Throws a `RequestError` if the result of a completed request no longer exists. A result in the payload store is
 * usually deleted earlier than the request's item. Without the result, no answer can be built.
 */
function checkResult({ request_id: requestId, status, result }: RequestView): void {
  if (status !== 'completed' || result !== undefined) return
  const sentence = `the request ${requestId} has completed, and its result is no longer kept`
  throw new RequestError('result_expired', sentence, { request_id: requestId })
}

/** Builds the answer to a call whose request has ended. Throws a `RequestError` if the request has no answer. */
export function endedAnswer(operation: Operation, view: RequestView, wanted: Wanted, headers: Headers): HttpResponse {
  if (view.status !== 'completed') throw withoutAnswer(view)
  checkResult(view)
  const answer = answerOf(operation, view, wanted)
  if (!wanted.stream || operation === 'embeddings') return json(200, answer, headers)
  return operation === 'responses' ? eventStream(answer, headers) : chunkStream(answer, wanted.include_usage, headers)
}

/**
 * Builds the answer to a call that reads an ended request later. Sluice does not store the operation of a request. So
 * the result decides: a completion and embeddings are recognized, and every other result is answered as a chat
 * completion. Throws a `RequestError` if the request has no answer.
 */
export function laterAnswer(view: RequestView, headers: Headers): HttpResponse {
  const { result } = view
  const texts = embeddingsIn(result).length
  const wanted = { submission: { body: {} }, stream: false, include_usage: false, encoding: 'float', texts } as const
  return endedAnswer(operationOf(result), view, wanted, headers)
}

function operationOf(result: unknown): Operation {
  if (isCompletion(result) && !isChatCompletion(result)) return 'completions'
  return isOfEmbeddings(result) ? 'embeddings' : 'chat.completions'
}

function answerOf(operation: Operation, view: RequestView, { submission, texts, encoding }: Wanted): Json {
  switch (operation) {
    case 'chat.completions':
      return chatCompletion(view)
    case 'completions':
      return completion(view)
    case 'responses':
      return responseOf(view, submission.body)
    case 'embeddings':
      return embeddingList(view, texts, encoding) ?? withoutEmbeddings(view)
  }
}

function withoutEmbeddings({ request_id }: RequestView): never {
  throw new RequestError('model_failed', 'the result of the model has not one embedding per text', { request_id })
}

/** Builds the error of a call whose request still runs. */
export const stillRunning = (requestId: string): RequestError =>
  new RequestError(
    'still_running',
    `the request ${requestId} is still running: read it later by its id; a call with an Idempotency-Key may be repeated, and then waits for the same request`,
    { request_id: requestId, retry_after_s: 1 },
  )

/**
 * The HTTP statuses with which a model refuses a request because of its content. The client gets such a status, because
 * it can correct the request.
 */
const REFUSALS: readonly number[] = [400, 404, 413, 415, 422]

/** Builds the error of a request that has ended without an answer. */
export function withoutAnswer({ request_id: requestId, status, error }: RequestView): RequestError {
  if (status !== 'failed' || !error)
    return new RequestError('request_ended', `the request ${requestId} is ${status}`, { request_id: requestId })
  const { code, message, status: said } = error
  if (code === 'unsupported_parameter') return unsupported(requestId, message)
  return new RequestError('model_failed', `the request ${requestId} has failed: ${failureSentence(error)}`, {
    request_id: requestId,
    failed: {
      code,
      ...(code === 'model_rejected' && said !== undefined && REFUSALS.includes(said) && { status: said }),
    },
  })
}

/**
 * Builds the error for a field that the endpoint does not support. The worker has found this when it called the model,
 * and `sentence` is its message, which begins with the field's name.
 */
function unsupported(requestId: string, sentence: string): RequestError {
  const [, path = ''] = /^`(\w+)`/.exec(sentence) ?? []
  return new RequestError('invalid_request', sentence, {
    problems: [{ path, message: sentence }],
    is_unsupported: true,
    request_id: requestId,
  })
}
