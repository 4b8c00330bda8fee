import type { Announcer, QueueBackend, QueueReceiver } from '../../functions/core/queue/port.ts'
import type { MovePorts } from '../../functions/core/queue/rabbitmq/move-bulk.ts'
import type { Invocation, Service } from './invocation.ts'
import type { Choices } from './random.ts'

/** A message that a queue holds. */
export interface StoredMessage {
  readonly id: string
  readonly body: string
  /** The time at which the queue service may deliver the message, in epoch milliseconds. */
  readonly visible_at: number
}

export interface StoredQueue {
  readonly name: string
  readonly messages: ReadonlyMap<string, StoredMessage>
}

/** The messages of one queue that a function gets in one invocation. */
export interface Batch {
  readonly queue: string
  readonly messages: readonly StoredMessage[]
}

/** The action of Lambda's event source mapping for a batch when its function has answered. */
export interface Settlement {
  readonly label: string
  readonly effect: () => void
  /** Is called if the event source mapping does not know whether the effect has happened, because its call got no answer. */
  readonly ifLost: () => void
}

/** Lambda's event source mappings of the queues. */
export interface Mappings {
  /** The queues that have a message for a function. `hasRoom` says whether another invocation may start for a queue. */
  ready(hasRoom: (queue: string) => boolean): readonly string[]
  /** Takes messages of a ready queue, as the choices decide. The batch may be empty. */
  take(queue: string, size: number, choices: Choices): Batch
  /** Takes the oldest messages of a ready queue. */
  takeOldest(queue: string, size: number): Batch
  /** Returns the event of the invocation, and assigns the batch to the invocation. */
  start(batch: Batch, by: Invocation): unknown
  /** Is called when the function has answered or failed. Returns the settlement, or undefined if no message is acknowledged. */
  end(
    batch: Batch,
    by: Invocation,
    end: { readonly response: unknown } | { readonly error: unknown },
  ): Settlement | undefined
}

/** An event that the queue service may cause at any time for a message or its queue. */
export type Disturbance = (queue: string, message: StoredMessage) => void

/** A message that the queue service has received. */
export interface Sent {
  readonly body: string
  readonly delay_seconds: number
}

/** Makes a function that turns each command of an adapter into one step of the history. */
export type Calling = (
  service: (command: unknown) => Service,
  execute: (command: unknown) => unknown,
  repeats?: boolean,
) => (command: unknown) => Promise<unknown>

/** The real adapter of the queues for one invocation. */
export interface Adapter {
  readonly queue: QueueBackend & Partial<Announcer>
  readonly receiver: QueueReceiver<unknown, unknown>
  /** The ports of the function that moves messages out of bulk queues. Only RabbitMQ has bulk queues. */
  readonly mover?: Pick<MovePorts, 'publish' | 'countMessages'>
}

export const BACKENDS = ['sqs', 'rabbitmq'] as const
export type Backend = (typeof BACKENDS)[number]

/** The queues of a history: a model of SQS or RabbitMQ, with the real adapter on top of it. */
export interface Queues {
  readonly backend: Backend
  /** Makes the queues. It must be called before any other method. */
  open(): Promise<void>
  readonly stored: ReadonlyMap<string, StoredQueue>
  readonly mappings: Mappings
  readonly disturbances: Readonly<Record<string, Disturbance>>
  /** Sends a text as a producer of another system does, and returns the id of the message. If an id is given, the message with this id is sent again. */
  put(queue: string, body: string, id?: string): string
  /** Removes a queue, as a deployment does. An SQS queue is deleted with its messages. `create` brings the queue back. */
  remove(queue: string): void
  create(queue: string): void
  /** Returns true if a function receives the messages of a queue. */
  isServed(queue: string): boolean
  /** The announcements, as JSON: the messages about ended requests that Sluice has published for other systems. Only RabbitMQ has them. */
  readonly announced: readonly string[]
  adapter(calling: Calling, onSend: (sent: Sent) => void): Adapter
}
