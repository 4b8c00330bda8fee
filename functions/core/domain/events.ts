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

/** Returns the fields that every event brings for its ledger row. */
export const requestFields = (of: RequestFields) => ({
  ...identityOf(of),
  run: of.run,
  estimate: of.estimate,
  window: of.window,
  metadata: of.metadata,
})

/**
 * Returns the prompt of a message's body. A body in the payload store contains the prompt, so that its key is enough.
 */
export const promptOf = (body: Payload): Payload =>
  'key' in body ? body : { inline: (body.inline as { prompt: string }).prompt }

/** An event that says no more than that a request waits or runs. It is made from its message or from its item. */
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
 * How a failure is sent: its code and its sentence as `error`, and what the model said as `result`. 0.1.0 can't read an error with
 * more fields, and ignores the result of a failure. So a deployment that is rolled back loses no outcome.
 */
function sentFailure({ code, message, status, detail }: Failure): Pick<OutcomeEvent, 'error' | 'result'> {
  const said = { ...(status !== undefined && { status }), ...(detail !== undefined && { detail }) }
  return { error: { code, message }, ...(Object.keys(said).length > 0 && { result: { inline: said } }) }
}

const Said = reading(Failure.pick({ status: true, detail: true }))

/** The failure that an outcome tells of, with what the model said. */
export function failureOf({ status, error, result }: OutcomeEvent): Failure | undefined {
  if (!error || status !== 'failed' || !result || !('inline' in result)) return error
  const { data } = Said.safeParse(result.inline)
  return data ? { ...error, ...data } : error
}

/**
 * The event that tells the ledger how a request ended, made from its item. Returns undefined if it has not ended, and
 * if it has completed: only the worker's own event has the result. Mostly it is the first event of the request, so that
 * nothing else has brought the prompt.
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
    // Without what the model said: 0.1.0 could not read the event. The row has it from the outcome.
    error: item.error && { code: item.error.code, message: item.error.message },
    prompt,
    ...(status === 'failed' && message ? { message } : {}),
  }
}

/** How many characters of an unreadable message are kept. They are enough to see what it is. */
const UNREADABLE_LENGTH = 4_096

export const unreadableEvent = (messageId: string, text: string, at: number): UnreadableEvent => ({
  v: 1,
  type: 'unreadable',
  message_id: messageId,
  text: text.slice(0, UNREADABLE_LENGTH).toWellFormed().replaceAll('\u0000', '\ufffd'),
  at,
})
