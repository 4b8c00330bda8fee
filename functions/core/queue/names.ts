import type { Priority } from '../domain/ids.ts'

/** Returns the name of a queue within its stack. The whole name begins with the stack's name and a dash. */
export const queueName = (model: string, priority: Priority): string => `inference-${model}-${priority}`
export const RESULTS_QUEUE = 'results'

/** The end of a dead-letter queue's name. The name of its queue comes before it. */
export const DEAD_LETTERS = '-dlq'

/** The dead-letter queue of all models. */
export const UNDELIVERED = `inference${DEAD_LETTERS}`

/** The end of the name of a bulk queue. The name of the queue that its messages go to comes before it. */
const BULK = '-bulk'

/** Returns the queue in which messages of a queue wait that give way to those of others. */
export const bulkOf = (queue: string): string => queue + BULK

export const isBulk = (queue: string): boolean => queue.endsWith(BULK)

/** Returns the queue that the messages of a bulk queue go to. */
export const beforeBulk = (bulk: string): string => bulk.slice(0, -BULK.length)

/**
 * Returns the queues that share the messages of one queue among so many consumers. The first has the queue's own name,
 * so that queues can be added without moving messages. A queue is named after its priority, so no model's queue has the
 * name of another's second part.
 */
export const partsOf = (queue: string, consumers: number): string[] =>
  Array.from({ length: consumers }, (_, i) => (i === 0 ? queue : `${queue}-${i + 1}`))
