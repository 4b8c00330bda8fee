/**
 * The local system calls these methods when something happens, so that an observer can count it. The methods must not throw. Otherwise, a mistake in
 * counting could end the process.
 */
export interface Observer {
  /** A function has written metrics: a line in CloudWatch's embedded format. */
  metrics(line: string): void
  /** An invocation of a function has ended. `service` is the function's short name, such as `worker-text`. */
  invoked(invocation: Invocation): void
  /** The API has answered a call with this status. */
  answered(status: number): void
  /** A function has received messages of a queue. */
  received(queue: string, messages: number): void
}

export interface Invocation {
  readonly functionName: string
  readonly service: string
  readonly ok: boolean
  /** True if the event did not run, because no thread had room for it before the caller stopped waiting. On AWS, Lambda throttles such an event. */
  readonly throttled: boolean
}

/** The messages of a queue at one moment. */
export interface QueueState {
  readonly name: string
  /** Messages that can be received. */
  readonly waiting: number
  /**
   * The time at which the queue's oldest message was sent, in epoch milliseconds. This includes messages that a function has received and not
   * deleted yet. Absent if the queue is empty, and if `ageless` is true.
   */
  readonly oldest_sent_at?: number
  /** True if the age of the queue's messages is unknown, as with RabbitMQ. */
  readonly ageless?: boolean
}

export const NO_OBSERVER: Observer = {
  metrics: () => undefined,
  invoked: () => undefined,
  answered: () => undefined,
  received: () => undefined,
}
