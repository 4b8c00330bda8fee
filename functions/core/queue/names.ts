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

/**
 * Returns the name of a queue's bulk queue. Messages of users with many open requests wait in the bulk queue, so that
 * messages of other users go first.
 */
export const bulkOf = (queue: string): string => queue + BULK

export const isBulk = (queue: string): boolean => queue.endsWith(BULK)

/** Returns the name of the queue to which the messages of a bulk queue are moved. */
export const beforeBulk = (bulk: string): string => bulk.slice(0, -BULK.length)

/**
 * Returns the names of the queues among which the messages of one queue are divided, one per consumer. The first has
 * the name of the queue itself, so that queues can be added without moving messages. The others have a number at the
 * end. The name of a model's queue ends with its priority, so it never equals such a name, and no two queues share
 * messages by mistake.
 */
export const partsOf = (queue: string, consumers: number): string[] =>
  Array.from({ length: consumers }, (_, i) => (i === 0 ? queue : `${queue}-${i + 1}`))
