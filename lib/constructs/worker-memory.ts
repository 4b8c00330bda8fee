import { MAX_STORED_BODIES } from '../../functions/worker/plan-batch.ts'

/** What one invocation of a worker may have to hold. */
export interface WorkerLoad {
  /** The most messages that it gets. */
  readonly messages: number
  /** Whether there is one call for all of them, or one for each. */
  readonly batched: boolean
  /** Whether a mapping needs JSONata's thread. */
  readonly inThread: boolean
}

/** In MB. Less gets so small a part of a core that a start takes seconds; this is a third of one. */
export const USUAL_MEMORY = 512
const MAX_MEMORY = 10_240
const STEP = 64

/**
 * What things take at worst, in MB, as `npm run bench` measures it (docs/adr/0020): a body of 4 MB of text, mapped and sent; an answer
 * of 8 MB, parsed and mapped; 1 MB of small bodies, parsed and mapped, that are empty objects.
 */
const COSTS = { process: 128, thread: 160, body: 32, answer: 32, smallBodies: 48 }

/** Larger bodies are not in messages (functions/core/stores/payloads/port.ts); and Lambda hands over 6 MB of those at most. */
const SMALL_BODY = 48 / 1_024
const MAX_EVENT = 6

/** The memory that a worker's function gets, in MB. */
export function workerMemory({ messages, batched, inThread }: WorkerLoad): number {
  const needed =
    COSTS.process +
    COSTS.body * (batched ? Math.min(messages, MAX_STORED_BODIES) : messages) +
    COSTS.answer * (batched ? 1 : messages) +
    COSTS.smallBodies * Math.min(messages * SMALL_BODY, MAX_EVENT) +
    (inThread ? COSTS.thread : 0)
  return Math.min(MAX_MEMORY, Math.max(USUAL_MEMORY, Math.ceil(needed / STEP) * STEP))
}
