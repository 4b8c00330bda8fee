import type { Refusal, RequestError } from '../core/domain/errors.ts'
import { refusalOf } from '../core/inference-api/errors.ts'

/**
 * The largest refusal that is kept whole, in bytes. A refusal may quote names from a message of a megabyte, but it must
 * fit into a row and an event. Otherwise it could not be recorded, and its message would be delivered again and again.
 */
const MAX_BYTES = 8 * 1024
const MAX_SENTENCE = 500

/**
 * Returns the answer that a message would have got by HTTP. A long answer is kept without its details, and with a short
 * sentence.
 */
export function keptRefusal(error: RequestError): Refusal {
  const whole = refusalOf(error)
  if (Buffer.byteLength(JSON.stringify(whole)) <= MAX_BYTES) return whole
  return { error: `${whole.error.slice(0, MAX_SENTENCE).toWellFormed()}…`, status: 'error', code: whole.code }
}
