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

/** Returns the fields that every event has for the row of its request in the ledger. */
export const requestFields = (of: RequestFields) => ({
  ...identityOf(of),
  run: of.run,
  estimate: of.estimate,
  window: of.window,
  metadata: of.metadata,
})

/**
 * Returns the prompt of a message's body. If the body is in the payload store, its key in S3 is returned, because the
 * stored body contains the prompt.
 */
export const promptOf = (body: Payload): Payload =>
  'key' in body ? body : { inline: (body.inline as { prompt: string }).prompt }

/**
 * Makes the `accepted` event, which says only that a request waits or runs. The event is made from the message or the
 * item of the request.
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
  usage: withZeros(outcome.usage),
  prompt,
  ...(outcome.status === 'failed' ? sentFailure(message, outcome) : sentSuccess(message, outcome)),
})

/**
 * The facts of an outcome for which version 0.1.0 has no fields: the model's status and detail of a failure, and the
 * counts that the model has not reported.
 */
const Beyond = z.strictObject({
  ...Failure.pick({ status: true, detail: true }).shape,
  unreported: Unreported.optional(),
})
const SentBeyond = reading(Beyond)

/*
 * Version 0.1.0 can't read an outcome whose error has more fields than a code and a message, or whose usage lacks a
 * count. So these facts are in a field that version 0.1.0 does not read: in `result` of a failure, and in `message` of
 * a success. If a deployment is rolled back, version 0.1.0 can handle these outcomes, and none is lost.
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

/** Returns the failure of an outcome, with the model's status and detail. */
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

/** Returns the usage of an outcome, with only the counts that the model has reported. */
export const usageOf = (outcome: OutcomeEvent): Usage | undefined =>
  outcome.usage && withoutUnreported(outcome.usage, beyondOf(outcome).unreported ?? [])

/**
 * Makes the `ended` event from an item. The event tells the ledger how the request ended. Returns undefined if the
 * request has not ended. Returns undefined for a completed request, too, because only the worker's `outcome` event has
 * the result. The `ended` event is usually the first event of its request. So it also has the prompt, which the new row
 * in the ledger needs.
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
    // Version 0.1.0 can't read this event with the model's status and detail, or with a usage that lacks a count. So
    // the event leaves them out. The ledger has them from the `outcome` event.
    usage: unreportedIn(item.usage).length === 0 ? item.usage : undefined,
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
