/** Is told what happens in the system, so that it can be counted. It must not throw. */
export interface Observer {
  /** A function has written metrics: a line in CloudWatch's embedded format. */
  metrics(line: string): void
  /** An invocation of a function has ended. `service` is what people call the function, such as `worker-text`. */
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
}

/** The messages of a queue at one moment. */
export interface QueueState {
  readonly name: string
  /** Messages that can be received. */
  readonly waiting: number
  /** When the oldest message was sent that is in the queue, received or not. Epoch milliseconds. Absent if the queue is empty. */
  readonly oldest_sent_at?: number
  /** Whether nobody knows how old the messages are. */
  readonly ageless?: boolean
}

export const NO_OBSERVER: Observer = {
  metrics: () => undefined,
  invoked: () => undefined,
  answered: () => undefined,
  received: () => undefined,
}
