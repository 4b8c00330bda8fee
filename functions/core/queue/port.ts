import type { Status } from '../domain/item.ts'

/** What a queue can do. A use case reads from it what it may ask for. */
export interface QueueCapabilities {
  /** The name of the queue's technology in traces, as the semantic conventions have it (`messaging.system`). */
  readonly system: string
  /** The queue holds a message back for so many seconds at most. A longer wait takes a second delay. */
  readonly max_delay_seconds: number
  /** The queue redelivers single messages of a batch. Without it, one failure redelivers the whole batch. */
  readonly partial_failures: boolean
  /** The queue shares its consumers fairly among the groups of messages. */
  readonly fair_groups: boolean
}

export interface OutgoingMessage {
  /** Any JSON value. The queue does not change the text in it. */
  readonly body: unknown
  /** The owner of the message. A queue with `fair_groups` shares its consumers among these groups. */
  readonly group: string
  /**
   * The group has many messages on their way, so that this one waits behind those of other groups. A queue with `fair_groups` sees that by
   * itself.
   */
  readonly gives_way?: boolean
  /** The queue delivers the message after so many seconds: 0 to `max_delay_seconds`. */
  readonly delay_seconds?: number
  /** Texts beside the body, by name. They arrive as the `attributes` of the delivery. A text is not empty. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** The sending side of durable queues. They deliver each message at least once, in no particular order. */
export interface MessageQueue {
  /**
   * Resolves once the queue has acknowledged the message: from then on it is delivered at least once (I4).
   * Rejects with `Unavailable`; then the message may have been sent all the same.
   */
  send(queue: string, message: OutgoingMessage): Promise<void>
}

/** How a request ended, for systems that read it from the broker. */
export interface Announcement {
  readonly request_id: string
  readonly user_id: string
  readonly model: string
  readonly status: Status
  readonly estimated_tokens: number
  readonly result?: unknown
  readonly usage?: unknown
  /** A sentence, and a stable code. */
  readonly error?: string | undefined
  readonly code?: string | undefined
  readonly metadata?: unknown
}

/** Tells other systems how requests ended. Only a backend with exchanges has it. */
export interface Announcer {
  /** Resolves once the broker has the announcement. It may be announced twice. Rejects with `Unavailable`. */
  announce(ended: Announcement): Promise<void>
}

/** Queues, and what they can do. */
export interface QueueBackend extends MessageQueue {
  readonly capabilities: QueueCapabilities
  /**
   * Returns the number of waiting messages in a queue of this whole name; 0 if there is no such queue. Rejects with
   * `Unavailable`. Absent where the platform publishes the number as a metric.
   */
  readonly countMessages?: (queue: string) => Promise<number>
}

/** One delivery of a message to a function. */
export interface Delivery {
  /** The id of the message in its queue. It is the same at each delivery, also from the dead-letter queue. */
  readonly id: string
  /** The whole name of the queue that the message came from. */
  readonly queue: string
  /** The text of the message. */
  readonly body: string
  /** Texts that the sender has put beside the body, by name. */
  readonly attributes: Readonly<Record<string, string>>
  /**
   * How often the queue has delivered the message, this time included. Deliveries that ended with a crash are not counted where the
   * platform does not tell them.
   */
  readonly receive_count: number
  /** By which the queue knows this delivery, if it can redeliver it at another time than its own. */
  readonly receipt?: string
}

/** A message that its function returns, and the seconds after which it should come again. */
export interface ReturnedDelivery {
  readonly delivery: Delivery
  readonly seconds: number
}

/** A queue that can be told when to redeliver. */
export interface Redelivery {
  /**
   * Asks the queue to redeliver messages that are returned. It is a wish: without it they come at the queue's own time, so it never
   * rejects.
   */
  redeliverAfter(returned: readonly ReturnedDelivery[]): Promise<void>
}

/** What a function has done with a batch. The queue redelivers these messages, and forgets all others of the batch. */
export interface BatchOutcome {
  readonly redeliver: readonly Delivery[]
}

/** The run of a function that a batch was handed to. */
export interface BatchInvocation {
  /** Epoch milliseconds at which the platform ends the function. */
  readonly ends_at: number
}

/** The receiving side: translates what the platform calls a function with, and what the function must answer. */
export interface QueueReceiver<Event, Response> {
  deliveries(event: Event): readonly Delivery[]
  /** Ends the batch of an event. A platform that can't redeliver single messages needs them to be sent again first. */
  response(outcome: BatchOutcome, event: Event): Response
}

/** Takes a batch of deliveries. It logs and counts the messages that it has redelivered. */
export type TakeBatch<Ports> = (
  ports: Ports,
  deliveries: readonly Delivery[],
  invocation: BatchInvocation,
) => Promise<BatchOutcome>
