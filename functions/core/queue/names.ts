import type { Priority } from '../domain/ids.ts'

/** Returns the name of a queue within its stack. The whole name begins with the stack's name and a dash. */
export const queueName = (model: string, priority: Priority): string => `inference-${model}-${priority}`
export const RESULTS_QUEUE = 'results'

/** The end of a dead-letter queue's name. The name of the main queue comes before this end. */
export const DEAD_LETTERS = '-dlq'

/** The dead-letter queue of all models. */
export const UNDELIVERED = `inference${DEAD_LETTERS}`

/** The end of a bulk queue's name. The name of the queue to which its messages go comes before this end. */
const BULK = '-bulk'

/** Returns the bulk queue of a queue. In it, messages wait that give way to messages of other users. */
export const bulkOf = (queue: string): string => queue + BULK

export const isBulk = (queue: string): boolean => queue.endsWith(BULK)

/** Returns the queue to which the messages of a bulk queue go. */
export const beforeBulk = (bulk: string): string => bulk.slice(0, -BULK.length)

/**
 * Returns the queues that share the messages of one queue among a number of consumers. The first has the name of the
 * queue itself, so that queues can be added without moving messages. The name of a model's queue ends with its
 * priority, so it is never equal to the second part of another queue.
 */
export const partsOf = (queue: string, consumers: number): string[] =>
  Array.from({ length: consumers }, (_, i) => (i === 0 ? queue : `${queue}-${i + 1}`))
