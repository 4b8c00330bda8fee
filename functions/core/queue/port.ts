import type { Status } from '../domain/item.ts'

/** The abilities of a queue. A use case reads its limits here, and does not depend on the technology of the queue. */
export interface QueueCapabilities {
  /** The name of the queue's technology in traces, from the semantic conventions (`messaging.system`). */
  readonly system: string
  /** The longest delay of a message, in seconds. After a longer wait than this, the message must be delayed again. */
  readonly max_delay_seconds: number
  /** Whether the queue redelivers single messages of a batch. If not, one failure redelivers the whole batch. */
  readonly partial_failures: boolean
  /** Whether the queue shares its consumers fairly among the groups of messages. */
  readonly fair_groups: boolean
}

export interface OutgoingMessage {
  /** Any JSON value. The queue delivers all texts in the value unchanged. */
  readonly body: unknown
  /** The owner of the message. A queue with `fair_groups` shares its consumers among these groups. */
  readonly group: string
  /**
   * Whether the group has so many messages that this message should wait behind the messages of other groups. A queue
   * with `fair_groups` does not need this.
   */
  readonly gives_way?: boolean
  /** The delay after which the queue delivers the message, in seconds: 0 to `max_delay_seconds`. */
  readonly delay_seconds?: number
  /** Texts besides the body, by name. They become the `attributes` of the delivery. No text may be empty. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** The sending side of durable queues. They deliver each message at least once, in no particular order. */
export interface MessageQueue {
  /**
   * Sends a message. Resolves when the queue has acknowledged it: from then on, it is delivered at least once (I4). If
   * it rejects with `Unavailable`, the message may have been sent nevertheless. So a sender that tries again may send
   * it twice, and receivers must expect that.
   */
  send(queue: string, message: OutgoingMessage): Promise<void>
}

/**
 * An announcement: a message about the end of a request, for other systems of the team. They read it from the RabbitMQ
 * broker.
 */
export interface Announcement {
  readonly request_id: string
  readonly user_id: string
  readonly model: string
  readonly status: Status
  readonly estimated_tokens: number
  readonly result?: unknown
  readonly usage?: unknown
  /** A sentence about the failure. `code` is its stable code. */
  readonly error?: string | undefined
  readonly code?: string | undefined
  readonly metadata?: unknown
}

/**
 * Announces the ends of requests to other systems. Only RabbitMQ has an announcer, because the other systems read from
 * an exchange of the broker.
 */
export interface Announcer {
  /**
   * Announces an end. Resolves when the broker has confirmed the announcement. The same end may be announced twice, so
   * the other systems must expect the same announcement twice. Rejects with `Unavailable` if the service can't be reached.
   */
  announce(ended: Announcement): Promise<void>
}

/** Queues with their abilities. */
export interface QueueBackend extends MessageQueue {
  readonly capabilities: QueueCapabilities
  /** Returns the whole name of the queue that gets a message. `queue` is the name that `send` gets. */
  wholeName(queue: string, message: OutgoingMessage): string
  /**
   * Returns the number of waiting messages in a queue of this whole name; 0 if there is no such queue. Rejects with
   * `Unavailable`. Absent if the platform publishes the number as a metric.
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
   * How often the queue has delivered the message, including this delivery. With RabbitMQ, deliveries that ended with a
   * crash are not counted, because the platform does not report them. So a message that crashes its function reaches a
   * limit of deliveries later than with SQS.
   */
  readonly receive_count: number
  /** The queue's id of this delivery, if the queue can redeliver the message at a given time. */
  readonly receipt?: string
}

/** A message that its function gives back to the queue, and the delay in seconds after which it should be redelivered. */
export interface ReturnedDelivery {
  readonly delivery: Delivery
  readonly seconds: number
}

/** Sets the time of redeliveries. */
export interface Redelivery {
  /**
   * Asks the queue to redeliver messages that a function gives back after the given delays. If this fails, the queue
   * redelivers them after its usual delay. So this method never rejects.
   */
  redeliverAfter(returned: readonly ReturnedDelivery[]): Promise<void>
}

/**
 * The result of processing a batch. The queue redelivers the messages in `redeliver`, and deletes all others of the
 * batch.
 */
export interface BatchOutcome {
  readonly redeliver: readonly Delivery[]
}

/** The invocation of a function that processes a batch. */
export interface BatchInvocation {
  /** The time at which the platform ends the function, in epoch milliseconds. */
  readonly ends_at: number
}

/** The receiving side of queues. It translates the events and the responses of the platform. */
export interface QueueReceiver<Event, Response> {
  deliveries(event: Event): readonly Delivery[]
  /**
   * Makes the response that ends the batch of an event. If the platform can't redeliver single messages, the messages
   * to redeliver are sent again before the response.
   */
  response(outcome: BatchOutcome, event: Event): Response
}

/** Takes a batch of deliveries. It logs and counts the messages that must be redelivered. */
export type TakeBatch<Ports> = (
  ports: Ports,
  deliveries: readonly Delivery[],
  invocation: BatchInvocation,
) => Promise<BatchOutcome>
