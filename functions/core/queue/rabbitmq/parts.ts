import { createHash } from 'node:crypto'
import { bulkOf, partsOf } from '../names.ts'
import type { ChooseQueue } from './queue.ts'

/** Matches the queues of models. Only these are split. */
const IS_OF_MODEL = /^inference-/

/**
 * Chooses among the queues that share the messages of a model: all messages of a user go through the same queue. A
 * message that gives way to other users first waits in the bulk queue of this queue.
 */
export const chooseByUser =
  (consumers: number): ChooseQueue =>
  (queue, { group, gives_way = false }) => {
    if (!IS_OF_MODEL.test(queue)) return queue
    const part = partOf(queue, group, consumers)
    return gives_way ? bulkOf(part) : part
  }

function partOf(queue: string, group: string, consumers: number): string {
  if (consumers === 1) return queue
  const number = createHash('sha256').update(group).digest().readUInt32BE() % consumers
  return partsOf(queue, consumers)[number] ?? queue
}
