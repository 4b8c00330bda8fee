import type { Announcer, QueueBackend, QueueReceiver } from '../../functions/core/queue/port.ts'
import type { MovePorts } from '../../functions/core/queue/rabbitmq/move-bulk.ts'
import type { Invocation, Service } from './invocation.ts'
import type { Choices } from './random.ts'

/** A message that a queue holds. */
export interface StoredMessage {
  readonly id: string
  readonly body: string
  /** When the queue service may hand it on, epoch milliseconds. */
  readonly visible_at: number
}

export interface StoredQueue {
  readonly name: string
  readonly messages: ReadonlyMap<string, StoredMessage>
}

/** Messages of one queue that a function gets at once. */
export interface Batch {
  readonly queue: string
  readonly messages: readonly StoredMessage[]
}

/** What Lambda's event source mapping does with a batch once its function has answered. */
export interface Settlement {
  readonly label: string
  readonly effect: () => void
  /** The mapping does not know whether the effect has happened. */
  readonly ifLost: () => void
}

/** Lambda's event source mappings of the queues. */
export interface Mappings {
  /** The queues that have a message for a function. `hasRoom` says whether another invocation of a queue's kind may run. */
  ready(hasRoom: (queue: string) => boolean): readonly string[]
  /** Takes messages of a ready queue, as the choices decide. May take none. */
  take(queue: string, size: number, choices: Choices): Batch
  /** Takes the oldest messages of a ready queue. */
  takeOldest(queue: string, size: number): Batch
  /** The event that a function is called with. From now on the batch is the invocation's. */
  start(batch: Batch, by: Invocation): unknown
  /** The function has answered, or failed. */
  end(
    batch: Batch,
    by: Invocation,
    end: { readonly response: unknown } | { readonly error: unknown },
  ): Settlement | undefined
}

/** Something that happens to a message or to the queue that holds it, and is nobody's fault. */
export type Disturbance = (queue: string, message: StoredMessage) => void

/** One send of a message, as the queue service sees it. */
export interface Sent {
  readonly body: string
  readonly delay_seconds: number
}

/** Makes an adapter's calls of a service steps of the history. */
export type Calling = (
  service: (command: unknown) => Service,
  execute: (command: unknown) => unknown,
  repeats?: boolean,
) => (command: unknown) => Promise<unknown>

/** Sending and receiving, as one invocation does it with the real adapter. */
export interface Adapter {
  readonly queue: QueueBackend & Partial<Announcer>
  readonly receiver: QueueReceiver<unknown, unknown>
  /** What moves messages out of bulk queues, where there are any. */
  readonly mover?: Pick<MovePorts, 'publish' | 'countMessages'>
}

export const BACKENDS = ['sqs', 'rabbitmq'] as const
export type Backend = (typeof BACKENDS)[number]

/** The queues of a history: a model of their service, with the real adapter on top of it. */
export interface Queues {
  readonly backend: Backend
  /** Makes the queues. It comes before anything else. */
  open(): Promise<void>
  readonly stored: ReadonlyMap<string, StoredQueue>
  readonly mappings: Mappings
  readonly disturbances: Readonly<Record<string, Disturbance>>
  /** Sends a text as a producer of another system does. With an id, the same message comes once more. Answers with its id. */
  put(queue: string, body: string, id?: string): string
  /** A deployment no longer has a queue, and has it again. SQS's queue is deleted with its messages. */
  remove(queue: string): void
  create(queue: string): void
  /** Whether a function takes the messages of a queue. */
  isServed(queue: string): boolean
  /** The announcements of ends that other systems have got, as JSON. */
  readonly announced: readonly string[]
  adapter(calling: Calling, onSend: (sent: Sent) => void): Adapter
}
