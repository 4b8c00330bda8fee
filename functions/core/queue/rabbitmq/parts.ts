import { createHash } from 'node:crypto'
import { partsOf } from '../names.ts'
import type { ChooseQueue } from './queue.ts'

/** The queues of models, which alone are split. */
const IS_OF_MODEL = /^inference-/

/**
 * Chooses among the queues that share the messages of a model: all messages of a user are in the same one. So a user with many requests
 * delays only the users who share a queue with him.
 */
export const chooseByUser =
  (consumers: number): ChooseQueue =>
  (queue, { group }) => {
    if (consumers === 1 || !IS_OF_MODEL.test(queue)) return queue
    const number = createHash('sha256').update(group).digest().readUInt32BE() % consumers
    return partsOf(queue, consumers)[number] ?? queue
  }
