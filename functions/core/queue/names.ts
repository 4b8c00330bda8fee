import type { Priority } from '../domain/ids.ts'

/** Queue names within a stack; the stack's name and a dash come before them. */
export const queueName = (model: string, priority: Priority): string => `inference-${model}-${priority}`
export const RESULTS_QUEUE = 'results'

/** The end of a dead-letter queue's name; its queue's name is before it. */
export const DEAD_LETTERS = '-dlq'
