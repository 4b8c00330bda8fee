import { MAX_STORED_BODIES } from '../../functions/worker/plan-batch.ts'

/** The data that one invocation of a worker may have in memory. */
export interface WorkerLoad {
  /** The most messages per invocation. */
  readonly messages: number
  /** Whether one call is made for all of them. If not, there is one call per message. */
  readonly batched: boolean
  /** Whether a mapping runs in JSONata's thread. */
  readonly inThread: boolean
}

/**
 * The memory of all other functions, in MB. It gives a third of a core. With less memory, a client would wait for
 * seconds while a function starts.
 */
export const USUAL_MEMORY = 512
const MAX_MEMORY = 10_240
const STEP = 32

/**
 * The most memory of each part in MB, measured by `npm run bench` (docs/adr/0020), plus a fifth. `process`: the worker
 * itself, with the peak of one request that has the largest body and the largest answer. `call`: each further request.
 */
const PER_CALL = { process: 300, call: 40 }

/**
 * The most memory of the parts of a batch, in MB. `body`: a text of 4 MB, mapped and sent. `answer`: 8 MB, parsed and
 * mapped. `smallBodies`: 1 MB of small bodies that are empty objects, parsed and mapped.
 */
const BATCHED = { process: 128, body: 32, answer: 32, smallBodies: 48 }

/** The memory of JSONata's thread, in MB. */
const THREAD = 160

/**
 * The largest body in a message, in MB. Larger bodies are not in messages (functions/core/stores/payloads/port.ts). One
 * event has at most 6 MB.
 */
const SMALL_BODY = 48 / 1_024
const MAX_EVENT = 6

/** Returns the memory that a worker's function gets, in MB. */
export function workerMemory({ messages, batched, inThread }: WorkerLoad): number {
  const needed = batched ? Math.max(USUAL_MEMORY, batchMemory(messages)) : PER_CALL.process + PER_CALL.call * messages
  return Math.min(MAX_MEMORY, Math.ceil((needed + (inThread ? THREAD : 0)) / STEP) * STEP)
}

const batchMemory = (messages: number): number =>
  BATCHED.process +
  BATCHED.body * Math.min(messages, MAX_STORED_BODIES) +
  BATCHED.answer +
  BATCHED.smallBodies * Math.min(messages * SMALL_BODY, MAX_EVENT)
