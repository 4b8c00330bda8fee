import { MappingError } from '../inference/mapping.ts'
import { checkIn } from '../payloads/port.ts'
import type { FailureCode } from '../requests/errors.ts'
import type { OutcomeOf } from '../requests/events.ts'
import type { RequestItem } from '../requests/item.ts'
import type { WorkerPorts } from './ports.ts'

/** The largest result that is kept, as JSON in UTF-8 bytes: what an answer of ours can carry. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024

/**
 * One call of the model for a claimed request: maps the request, calls, maps the answer. Whatever the model does is an
 * outcome; rejects with `Unavailable` only.
 *
 * A failure is final here. The retry policy (attempts, backoff, what to drop) belongs between this and the publishing of
 * the outcome: it would put the item back to `queued` and send the message again with a delay.
 */
export async function attempt(
  ports: WorkerPorts,
  item: RequestItem,
  body: Record<string, unknown>,
): Promise<OutcomeOf> {
  const { endpoint, mappings, clock } = ports
  const started_at = clock()
  const outcome = (rest: Omit<OutcomeOf, 'attempt' | 'started_at' | 'completed_at'>): OutcomeOf => ({
    attempt: item.attempt,
    started_at,
    completed_at: clock(),
    ...rest,
  })
  const failed = (code: FailureCode, message: string, reached: boolean) =>
    outcome({ status: 'failed', reached, error: { code, message } })

  const { user_id, request_id } = item
  const toSend = await orMappingError(mappings.request({ body, user_id, request_id, attempt: item.attempt }))
  if (toSend instanceof MappingError) return failed('mapping_failed', toSend.message, false)

  const called = await endpoint.call(request_id, toSend)
  if (!called.ok) return failed(called.code, called.message, called.reached)

  const mapped = await orMappingError(mappings.response(called.answer))
  if (mapped instanceof MappingError) return failed('invalid_model_response', mapped.message, true)

  const { result, usage } = mapped
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_RESULT_BYTES)
    return { ...failed('result_too_large', 'the result is larger than 4 MB', true), usage }
  const key = `requests/${user_id}/${request_id}/${item.run}-${item.attempt}-result.json`
  return outcome({ status: 'completed', reached: true, usage, result: await checkIn(ports.payloads, key, result) })
}

const orMappingError = <T>(mapping: Promise<T>): Promise<T | MappingError> =>
  mapping.catch((error: unknown) => {
    if (error instanceof MappingError) return error
    throw error
  })
