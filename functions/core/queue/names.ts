import type { Priority } from '../domain/ids.ts'

/** The name of a queue within its stack. The whole name begins with the stack's name and a dash. */
export const queueName = (model: string, priority: Priority): string => `inference-${model}-${priority}`
export const RESULTS_QUEUE = 'results'

/** The end of a dead-letter queue's name. The name of its queue comes before it. */
export const DEAD_LETTERS = '-dlq'
