import * as z from 'zod'
import { Failure, identityOf, type RequestItem, type Usage } from './item.ts'
import type { AcceptedEvent, EndedEvent, InferenceMessage, OutcomeEvent, Payload, UnreadableEvent } from './messages.ts'
import { Unreported, unreportedIn, withoutUnreported, withZeros } from './partial-usage.ts'
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

/** The fields that every event brings for its ledger row. */
export const requestFields = (of: RequestFields) => ({
  ...identityOf(of),
  run: of.run,
  estimate: of.estimate,
  window: of.window,
  metadata: of.metadata,
})

/** The prompt of a message's body. A body in the payload store contains the prompt, so that its key is enough. */
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
  usage: withZeros(outcome.usage),
  prompt,
  ...(outcome.status === 'failed' ? sentFailure(message, outcome) : sentSuccess(message, outcome)),
})

/** What an outcome tells beyond the fields that 0.1.0 reads: what the model said of a failure, and which counts of a usage it left out. */
const Beyond = z.strictObject({
  ...Failure.pick({ status: true, detail: true }).shape,
  unreported: Unreported.optional(),
})
const SentBeyond = reading(Beyond)

/*
 * 0.1.0 can't read an outcome whose error has more fields, or whose usage has fewer counts. So the rest is in a field that 0.1.0 does not
 * look at: in the result of a failure, and in the message of a success. Then a deployment that is rolled back loses no outcome.
 */

function sentFailure(message: InferenceMessage, { error, usage }: OutcomeOf): Partial<OutcomeEvent> {
  const { status, detail } = error ?? {}
  const unreported = unreportedIn(usage)
  const beyond: z.infer<typeof Beyond> = {
    ...(status !== undefined && { status }),
    ...(detail !== undefined && { detail }),
    ...(unreported.length > 0 && { unreported }),
  }
  return {
    ...(error && { error: { code: error.code, message: error.message } }),
    ...(Object.keys(beyond).length > 0 && { result: { inline: beyond } }),
    message,
  }
}

function sentSuccess(
  { metadata, operation, hints, ...message }: InferenceMessage,
  { usage }: OutcomeOf,
): Partial<OutcomeEvent> {
  const unreported = unreportedIn(usage)
  return unreported.length > 0 ? { message: { ...message, body: { inline: { unreported } } } } : {}
}

function beyondOf({ status, result, message }: OutcomeEvent): z.infer<typeof Beyond> {
  const place = status === 'failed' ? result : message?.body
  const { data } = SentBeyond.safeParse(place && 'inline' in place ? place.inline : undefined)
  return data ?? {}
}

/** Returns the failure that an outcome tells of, with what the model said. */
export function failureOf(outcome: OutcomeEvent): Failure | undefined {
  const { status, detail } = outcome.status === 'failed' ? beyondOf(outcome) : {}
  return (
    outcome.error && {
      ...outcome.error,
      ...(status !== undefined && { status }),
      ...(detail !== undefined && { detail }),
    }
  )
}

/** Returns the usage that an outcome tells of, with only the counts that the model has reported. */
export const usageOf = (outcome: OutcomeEvent): Usage | undefined =>
  outcome.usage && withoutUnreported(outcome.usage, beyondOf(outcome).unreported ?? [])

/**
 * The event that tells the ledger how a request ended, made from its item. Undefined if it has not ended, and if it has completed:
 * only the worker's own event has the result. Mostly it is the first event of the request, so that nothing else has brought the prompt.
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
    // Without what 0.1.0 could not read: what the model said, and a usage that has not all counts. The row has them from the outcome.
    usage: unreportedIn(item.usage).length === 0 ? item.usage : undefined,
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
