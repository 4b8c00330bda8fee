import type { Refusal } from '../../domain/errors.ts'

/** The request to which an idempotency key is bound. */
export interface KeyedRequest {
  readonly request_id: string
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string
}

/**
 * The shortest time for which an idempotency key is remembered, in milliseconds. After this time, a call with the same
 * key may make a new request.
 */
export const REMEMBERED_MS = 24 * 3_600_000

/** The binding of a message of an input queue: the request that it becomes, or its refusal, which is final. */
export type InputBinding = { readonly request_id: string } | { readonly refusal: Refusal }

/**
 * The shortest time for which an input's message is remembered, in milliseconds. It is longer than the 14 days for
 * which SQS keeps a message. So each redelivery of the message finds its request, and the message never becomes a
 * second request.
 */
export const INPUT_REMEMBERED_MS = 15 * 24 * 3_600_000

/**
 * The bindings of input queues' messages. Each message is bound to one request of its user, so that a redelivery does
 * not make a second request. The bindings are separate from the idempotency keys of clients. Every method returns the
 * binding that the message has after the write, and rejects with `Unavailable` if the service can't be reached.
 */
export interface InputKeys {
  /** Binds a message to a request, unless it is bound already. */
  bind(userId: string, message: string, requestId: string, now: number): Promise<InputBinding>
  /**
   * Binds a message that is bound to `from` to another request, which is not admitted yet. This is needed if `from` was
   * rejected, because a rejected request never runs.
   */
  rebind(userId: string, message: string, from: string, requestId: string, now: number): Promise<InputBinding>
  /**
   * Notes that a message that is bound to this request is admitted. From then on, it can't be refused, so the message
   * never becomes both a request and a dead letter.
   */
  admit(userId: string, message: string, requestId: string, now: number): Promise<InputBinding>
  /** Refuses a message that is bound to this request, unless it is admitted. */
  refuse(userId: string, message: string, requestId: string, refusal: Refusal, now: number): Promise<InputBinding>
}

/** Idempotency keys of a user's requests, each remembered for 24 h. Methods reject with `Unavailable`. */
export interface IdempotencyKeys {
  /** Binds a key to a request, unless it is bound already. Returns the request to which the key is then bound. */
  bind(userId: string, key: string, request: KeyedRequest, now: number): Promise<KeyedRequest>
  /**
   * Binds a key that is bound to `from` to another request, because `from` was rejected and never runs. Returns the
   * request to which the key is then bound.
   */
  rebind(userId: string, key: string, from: string, request: KeyedRequest, now: number): Promise<KeyedRequest>
}
