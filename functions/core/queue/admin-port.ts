/** Returns whether a queue with this name exists. Rejects with `Unavailable`. */
export type QueueExists = (queue: string) => Promise<boolean>

/**
 * Sends a text unchanged to an input queue. Returns whether a queue with this name exists. Rejects with `Unavailable`.
 */
export type SendInput = (queue: string, text: string) => Promise<boolean>

/**
 * Returns the approximate number of waiting messages in a queue. With SQS, this includes deferred messages. RabbitMQ
 * keeps the deferred messages of all queues together, so they are not counted. Rejects with `Unavailable`.
 */
export type CountWaiting = (queue: string) => Promise<number>

/**
 * Counts about how many messages there are for which no request needs to be open: results, dead results, messages of the inputs of these
 * whole names, and with RabbitMQ all deferred ones. By the name of the queue; a queue without messages is left out. Messages that SQS has
 * handed to a function are included; RabbitMQ does not tell them. Rejects with `Unavailable`.
 */
export type MessagesLeft = (inputs: readonly string[]) => Promise<Readonly<Record<string, number>>>

/** How many dead results were sent to their queue again, and about how many are left. */
export interface ReturnedResults {
  readonly returned: number
  readonly left: number
}
