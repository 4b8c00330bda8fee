export interface OutgoingMessage {
  /** Any JSON value; what text it holds passes unchanged. */
  readonly body: unknown
  /** Whose message it is: the queue shares its consumers fairly among groups. */
  readonly group: string
  /** Seconds, 0 to 900, before anybody receives it. */
  readonly delay_seconds?: number
}

/** Durable queues with at-least-once delivery, in no particular order. */
export interface MessageQueue {
  /**
   * Resolves once the queue has acknowledged the message: from then on it is delivered at least once (I4).
   * Rejects with `Unavailable`; then it may have been sent all the same.
   */
  send(queue: string, message: OutgoingMessage): Promise<void>
}

/** The longest delay that a queue keeps a message back for; who needs more sends again after it. */
export const MAX_DELAY_SECONDS = 900
