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
