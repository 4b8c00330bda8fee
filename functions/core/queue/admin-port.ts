/** Answers whether there is a queue of a name. Rejects with `Unavailable`. */
export type QueueExists = (queue: string) => Promise<boolean>

/** Sends a text as it is to an input queue; answers whether there is one of that name. Rejects with `Unavailable`. */
export type SendInput = (queue: string, text: string) => Promise<boolean>

/**
 * Counts about how many messages of a queue wait. Deferred ones are included with SQS. RabbitMQ holds the deferred messages of all queues
 * together, and they are not counted. Rejects with `Unavailable`.
 */
export type CountWaiting = (queue: string) => Promise<number>

/** How many dead results were sent to their queue again, and about how many are left. */
export interface ReturnedResults {
  readonly returned: number
  readonly left: number
}
