/** Returns whether a queue with this name exists. Rejects with `Unavailable` if the service can't be reached. */
export type QueueExists = (queue: string) => Promise<boolean>

/**
 * Sends a text unchanged to an input queue. Returns false, and sends nothing, if there is no queue with this name.
 * Rejects with `Unavailable` if the service can't be reached.
 */
export type SendInput = (queue: string, text: string) => Promise<boolean>

/**
 * Returns the approximate number of waiting messages in a queue. With SQS, this includes deferred messages. RabbitMQ
 * keeps the deferred messages of all queues together, so they are not counted. Rejects with `Unavailable` if the service can't be reached.
 */
export type CountWaiting = (queue: string) => Promise<number>

/**
 * Counts the approximate number of messages that may exist although no request is open. A deployment that changes the
 * queue backend deletes the queues, so these messages would be lost. They are: events of the results queue, events in
 * its dead-letter queue (dead results), messages of inputs (`inputs` are the whole names of their queues) and, with
 * RabbitMQ, all deferred messages. Returns the numbers by the name of the queue, without empty queues. Messages that a
 * function has received and not yet acknowledged are counted with SQS, and not with RabbitMQ, which counts only the
 * waiting messages of a queue. Rejects with `Unavailable` if the service can't be reached.
 */
export type MessagesLeft = (inputs: readonly string[]) => Promise<Readonly<Record<string, number>>>

/**
 * The number of dead results (events in the dead-letter queue of the results) that were sent to the results queue again,
 * and the approximate number of those that are left.
 */
export interface ReturnedResults {
  readonly returned: number
  readonly left: number
}
