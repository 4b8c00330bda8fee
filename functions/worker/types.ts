import type { RequestItem } from '../core/domain/item.ts'
import type { InferenceMessage } from '../core/domain/messages.ts'
import type { Ask, Permit } from '../core/flow-control/port.ts'
import type { ModelAnswer, ModelFailure, ModelSuccess } from '../core/inference/port.ts'
import type { BatchInvocation, Delivery } from '../core/queue/port.ts'
import type { DeliverySpans } from '../core/queue/trace-delivery.ts'
import type { Passage } from './pass-on.ts'

/** The invocation of the function that processes a batch. Times are epoch milliseconds. */
export interface Invocation extends BatchInvocation {
  /**
   * The time at which the invocation and all its calls have certainly ended. Until then, no other worker runs its
   * requests.
   */
  readonly lease_until: number
  /** The spans in which the messages of the invocation are processed. */
  readonly spans: DeliverySpans
}

/** A delivery and its message. The message is undefined if it is unreadable. */
export interface Received {
  readonly delivery: Delivery
  readonly message: InferenceMessage | undefined
}

/** A request for which a call is planned. */
export interface Planned {
  readonly delivery: Delivery
  readonly message: InferenceMessage
  /**
   * Whether the environment of the function (its process) runs no other request at the same time. If it crashes then,
   * this request is the cause.
   */
  readonly isolated: boolean
}

/** The tasks of an invocation with its messages. */
export type Job =
  /** Makes one call for all these requests. */
  | { readonly act: 'call'; readonly requests: readonly Planned[] }
  /** Sends the message to its queue once more. */
  | { readonly act: 'resend'; readonly delivery: Delivery; readonly message: InferenceMessage }
  /** Sends the message to its queue once more, with a delay. */
  | { readonly act: 'defer'; readonly delivery: Delivery; readonly message: InferenceMessage }
  /** Tells the collector about an unreadable message. */
  | { readonly act: 'report unreadable'; readonly delivery: Delivery }

/** A request that could not be processed. Its message must be redelivered. */
export interface Undone {
  readonly request: Planned | Claimed
  readonly error: unknown
  /**
   * Whether the error happened in a step for several requests. Then it is not known which request has caused the error,
   * so no claimed request is ended because of it.
   */
  readonly shared: boolean
}

/** The users of a call's requests, and its priority. */
export type AboutCall = Pick<Ask, 'users' | 'priority'>

/**
 * A permit, with the time at which the worker asked for it (epoch milliseconds). `again` and `about` are the values
 * that the worker passes if it has to ask for another permit for the same call.
 */
export type AskedPermit = Permit & {
  readonly asked_at: number
  readonly again: Ask['backlog']
  readonly about: AboutCall
}

/**
 * The permit of a planned call, and the message whose hints had the slot (the time at which the rate limit allows the
 * call), if there is one.
 */
export type CallPermit = AskedPermit & { readonly slot_of?: InferenceMessage | undefined }

export type Granted = Permit & { readonly granted: true }

/** A request that this worker has claimed: only this worker may run it now. */
export interface Claimed extends Planned {
  readonly item: RequestItem
  readonly claim_id: string
}

/** A claimed request, and the fields of its body. */
export interface ClaimedWithBody extends Claimed {
  readonly body: Record<string, unknown>
}

/** A claimed request, and the body that the call sends for it. */
export interface Mapped extends Claimed {
  readonly toSend: unknown
  /** How the body of the OpenAI API is passed on. Absent if the mappings make the body to send and the result. */
  readonly passage?: Passage | undefined
  /** The tokens of the prompt, if the request bounds its output. */
  readonly bounded: number | undefined
}

/** The model's answer for one request. */
export type Answer = ModelSuccess | FailedAnswer

export interface FailedAnswer {
  readonly ok: false
  readonly failure: ModelFailure
  /** The failures of all calls for the request under this claim, oldest first. Absent if there was one call. */
  readonly calls?: readonly ModelFailure[] | undefined
  /** The number of requests in the failed call. With more than one, another request may be the cause. */
  readonly batchSize: number
  /** Whether the failure is that of one element in the answer to a batch. Then the call itself has not failed. */
  readonly isElement: boolean
  /**
   * Whether the request failed in its own call while others of its batch succeeded. Then the request is the cause, and
   * not the model.
   */
  readonly isCulprit: boolean
}

/** The result of reporting a call to the flow control. */
export interface Told {
  /**
   * Returns whether a failed call does not count as an attempt of its request. It does not count if the model is halted
   * or loading, or if the call was the probe of a halted model or of a model in a long pause.
   */
  readonly is_free: (failure: ModelFailure) => boolean
}

export interface Called {
  readonly answers: ReadonlyMap<Mapped, Answer>
  /**
   * The operation, URL and body that were sent for a request, if they differ from its `passage`: a substitute
   * operation.
   */
  readonly passages?: ReadonlyMap<Mapped, Passage>
  /** One answer per call that was made. */
  readonly calls: readonly ModelAnswer[]
}
