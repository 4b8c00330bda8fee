import { Failure, identityOf, type RequestItem } from './item.ts'
import type { AcceptedEvent, EndedEvent, InferenceMessage, OutcomeEvent, Payload, UnreadableEvent } from './messages.ts'
import { reading } from './reading.ts'

type RequestFields = Pick<
  InferenceMessage,
  | 'user_id'
  | 'request_id'
  | 'model'
  | 'priority'
  | 'fingerprint'
  | 'created_at'
  | 'deadline'
  | 'run'
  | 'estimate'
  | 'window'
  | 'metadata'
>

/** Returns the fields that every event has for its ledger row. */
export const requestFields = (of: RequestFields) => ({
  ...identityOf(of),
  run: of.run,
  estimate: of.estimate,
  window: of.window,
  metadata: of.metadata,
})

/** Returns the prompt of a message's body. A body in the payload store contains the prompt, so its key is enough. */
export const promptOf = (body: Payload): Payload =>
  'key' in body ? body : { inline: (body.inline as { prompt: string }).prompt }

/**
 * Makes the event which says only that a request waits or runs. It is made from the message or the item of the request.
 */
export const acceptedEvent = (of: RequestFields): AcceptedEvent => ({
  v: 1,
  type: 'accepted',
  ...requestFields(of),
})

export type OutcomeOf = Pick<
  OutcomeEvent,
  | 'attempt'
  | 'status'
  | 'reached'
  | 'started_at'
  | 'completed_at'
  | 'usage'
  | 'result'
  | 'charge_at_least'
  | 'price'
  | 'error'
>

export const outcomeEvent = (
  message: InferenceMessage,
  outcome: OutcomeOf,
  prompt: Payload | undefined,
): OutcomeEvent => ({
  v: 1,
  type: 'outcome',
  ...requestFields(message),
  ...outcome,
  ...(outcome.status === 'failed' && outcome.error ? sentFailure(outcome.error) : {}),
  prompt,
  ...(outcome.status === 'failed' ? { message } : {}),
})

/**
 * Makes the stored form of a failure: its code and sentence as `error`, and the model's status and detail as `result`.
 * 0.1.0 can't read an error with more fields, and ignores the result of a failure. So no outcome is lost if a
 * deployment is rolled back.
 */
function sentFailure({ code, message, status, detail }: Failure): Pick<OutcomeEvent, 'error' | 'result'> {
  const said = { ...(status !== undefined && { status }), ...(detail !== undefined && { detail }) }
  return { error: { code, message }, ...(Object.keys(said).length > 0 && { result: { inline: said } }) }
}

const Said = reading(Failure.pick({ status: true, detail: true }))

/** Returns the failure of an outcome, with the model's status and detail. */
export function failureOf({ status, error, result }: OutcomeEvent): Failure | undefined {
  if (!error || status !== 'failed' || !result || !('inline' in result)) return error
  const { data } = Said.safeParse(result.inline)
  return data ? { ...error, ...data } : error
}

/**
 * Makes the event that tells the ledger how a request ended, from its item. Returns undefined if the request has not
 * ended. Returns undefined for a completed request, too, because only the worker's own event has the result. Usually
 * this is the first event of the request, so it brings the prompt.
 */
export function endedEvent(item: RequestItem, message?: InferenceMessage, prompt?: Payload): EndedEvent | undefined {
  const { status } = item
  if (status === 'queued' || status === 'running' || status === 'completed') return undefined
  return {
    v: 1,
    type: 'ended',
    ...requestFields(item),
    status,
    attempt: item.attempt,
    completed_at: item.completed_at ?? item.created_at,
    started_at: item.started_at,
    usage: item.usage,
    // The model's status and detail are left out, because 0.1.0 could not read the event with them. The row has them
    // from the outcome.
    error: item.error && { code: item.error.code, message: item.error.message },
    prompt,
    ...(status === 'failed' && message ? { message } : {}),
  }
}

/** The most characters that are kept of an unreadable message. They are enough to recognize the message. */
const UNREADABLE_LENGTH = 4_096

export const unreadableEvent = (messageId: string, text: string, at: number): UnreadableEvent => ({
  v: 1,
  type: 'unreadable',
  message_id: messageId,
  text: text.slice(0, UNREADABLE_LENGTH).toWellFormed().replaceAll('\u0000', '\ufffd'),
  at,
})
