import { MAX_STORED_BODIES } from '../../functions/worker/plan-batch.ts'

/** The data that one invocation of a worker may have in memory. */
export interface WorkerLoad {
  /** The most messages per invocation. */
  readonly messages: number
  /** Whether one call is made for all of them, or one call per message. */
  readonly batched: boolean
  /** Whether a mapping runs in JSONata's thread. */
  readonly inThread: boolean
}

/** In MB. It gives a third of a core. With less, a start would take seconds. */
export const USUAL_MEMORY = 512
const MAX_MEMORY = 10_240
const STEP = 64

/**
 * The most memory that each part takes, in MB, measured by `npm run bench` (docs/adr/0020). `body`: a text of 4 MB, mapped and sent.
 * `answer`: 8 MB, parsed and mapped. `smallBodies`: 1 MB of small bodies that are empty objects, parsed and mapped.
 */
const COSTS = { process: 128, thread: 160, body: 32, answer: 32, smallBodies: 48 }

/** In MB. Larger bodies are not in messages (functions/core/stores/payloads/port.ts), and one event has 6 MB at most. */
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
