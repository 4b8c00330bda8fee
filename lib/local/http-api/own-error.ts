import type { IncomingMessage } from 'node:http'
import type { Refuse } from '../trust/guard-server.ts'
import type { Answer } from './answer.ts'

/** An error of the local system itself, and not of a function. */
export interface OwnError {
  readonly statusCode: number
  readonly code: string
  /** One sentence for the client. */
  readonly sentence: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Matches the paths of the OpenAI API. The functions answer errors in OpenAI's shape on the same paths. */
const OPENAI_PATHS = /^\/v1\/(?:models|chat|completions|embeddings|responses)(?:[/?]|$)/

/** Makes the answer for an error of the local system itself. It has the shape of the client API or, on the paths of the OpenAI API, OpenAI's shape. */
export function ownError({ url = '' }: IncomingMessage, { statusCode, code, sentence, headers }: OwnError): Answer {
  const type = statusCode < 500 ? 'invalid_request_error' : 'server_error'
  const body = OPENAI_PATHS.test(url)
    ? { error: { message: sentence, type, param: null, code } }
    : { error: sentence, status: 'error', code }
  return {
    statusCode,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  }
}

/** Refuses a call with a foreign `Host` or `Origin`, in the shape of the errors on its path. */
export const refuseForeignCall: Refuse = (request, response, sentence) => {
  const { statusCode, headers, body } = ownError(request, { statusCode: 403, code: 'foreign_call', sentence })
  response.writeHead(statusCode, headers).end(body)
}

/**
 * Makes the answer to a call that the stop of the local system has interrupted. A POST of a request may have been accepted before the stop. So OpenAI's
 * SDKs repeat it only if it has an Idempotency-Key, because otherwise the repeated POST could be a second request.
 */
export function interruptedAnswer(incoming: IncomingMessage): Answer {
  const { method, url = '', headers } = incoming
  const submits = method === 'POST' && !/\/cancel(?:\?|$)/.test(url)
  const mayRepeat = !submits || headers['idempotency-key'] !== undefined
  const sentence = submits
    ? 'the local system is stopping, and the request may have been admitted: look for it before you post it again, or repeat the call with the same Idempotency-Key'
    : 'the local system is stopping: try again'
  return ownError(incoming, {
    statusCode: 503,
    code: 'unavailable',
    sentence,
    headers: { 'retry-after': '5', 'x-should-retry': String(mayRepeat), connection: 'close' },
  })
}
