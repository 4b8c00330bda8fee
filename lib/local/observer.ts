/** The local system calls these methods when something happens, for example to count it. They must not throw. */
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
  /** Whether the event did not run, because no thread had room before the caller gave up. Lambda throttles such an event. */
  readonly throttled: boolean
}

/** The messages of a queue at one moment. */
export interface QueueState {
  readonly name: string
  /** Messages that can be received. */
  readonly waiting: number
  /** The time at which the oldest message of the queue was sent, even if it is received. Epoch milliseconds. Absent if the queue is empty. */
  readonly oldest_sent_at?: number
  /** Whether the queue can't tell how old its messages are. */
  readonly ageless?: boolean
}

export const NO_OBSERVER: Observer = {
  metrics: () => undefined,
  invoked: () => undefined,
  answered: () => undefined,
  received: () => undefined,
}
