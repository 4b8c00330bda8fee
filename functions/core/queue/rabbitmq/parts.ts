import { createHash } from 'node:crypto'
import { bulkOf, partsOf } from '../names.ts'
import type { ChooseQueue } from './queue.ts'

/** Matches the queues of models. Only the messages of these queues are divided among several queues. */
const IS_OF_MODEL = /^inference-/

/**
 * Chooses one of the queues among which the messages of a model are divided. All messages of a user go through the same
 * queue. A message that gives way to other users waits in the bulk queue of this queue first.
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
