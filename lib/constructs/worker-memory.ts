import { MAX_STORED_BODIES } from '../../functions/worker/plan-batch.ts'

/** The data that one invocation of a worker may have in memory. */
export interface WorkerLoad {
  /** The most messages per invocation. */
  readonly messages: number
  /** Whether the worker makes one call to the model for all messages. Otherwise, it makes one call per message. */
  readonly batched: boolean
  /** Whether a JSONata expression of the model runs in a thread of its own, which needs memory. */
  readonly inThread: boolean
}

/**
 * The memory of all other functions, in MB. Lambda gives a function CPU in proportion to its memory, and with this memory
 * a third of a core. With less memory, a function would take seconds to start, and clients would wait for the start.
 */
export const USUAL_MEMORY = 512
const MAX_MEMORY = 10_240
const STEP = 32

/**
 * The memory of a worker that makes one call per message, in MB. `npm run bench` measured the peaks (docs/adr/0020), and
 * the numbers have a reserve of a fifth. `process`: the worker itself and one request with the largest body and the
 * largest answer. `call`: each further request.
 */
const PER_CALL = { process: 300, call: 40 }

/**
 * The memory of a worker that makes one call for all messages (a batch), in MB. `process`: the worker itself. `body`: a
 * body of 4 MB, mapped and sent. `answer`: an answer of 8 MB, parsed and mapped. `smallBodies`: 1 MB of bodies that are
 * in the messages, parsed and mapped. It is measured with empty objects, which take the most memory for their length.
 */
const BATCHED = { process: 128, body: 32, answer: 32, smallBodies: 48 }

/** The memory of JSONata's thread, in MB. */
const THREAD = 160

/**
 * The largest body in a message, in MB. A larger body is in S3, and the message has only its key
 * (functions/core/stores/payloads/port.ts).
 */
const SMALL_BODY = 48 / 1_024
/** The most data that Lambda hands over with one invocation, in MB. So all bodies in messages together have at most this size. */
const MAX_EVENT = 6

/** Returns the memory that a worker's function gets, in MB. */
export function workerMemory({ messages, batched, inThread }: WorkerLoad): number {
  const needed = batched ? Math.max(USUAL_MEMORY, batchMemory(messages)) : PER_CALL.process + PER_CALL.call * messages
  return Math.min(MAX_MEMORY, Math.ceil((needed + (inThread ? THREAD : 0)) / STEP) * STEP)
}

/**
 * The memory of an environment on a managed instance, which has one core, in GB. AWS allows 2, 4 or 8 GB per core. Most instances have 4 GB per core, so
 * the rest of their memory would not be used with 2 GB.
 */
export const MANAGED_GB = 4
const MANAGED_MEMORY = MANAGED_GB * 1_024

/** The most invocations at a time that AWS advises for one core of a managed instance that runs Node. */
const MOST_INVOCATIONS_PER_CORE = 64

/**
 * Returns the number of invocations of a worker that fit into the memory of one environment on a managed instance. The
 * invocations share the process, and JSONata's thread.
 */
export function invocationsPerEnvironment({ messages, batched, inThread }: WorkerLoad): number {
  const { process } = batched ? BATCHED : PER_CALL
  const each = batched ? batchMemory(messages) - process : PER_CALL.call * messages
  const most = Math.floor((MANAGED_MEMORY - process - (inThread ? THREAD : 0)) / each)
  return Math.min(MOST_INVOCATIONS_PER_CORE, Math.max(1, most))
}

const batchMemory = (messages: number): number =>
  BATCHED.process +
  BATCHED.body * Math.min(messages, MAX_STORED_BODIES) +
  BATCHED.answer +
  BATCHED.smallBodies * Math.min(messages * SMALL_BODY, MAX_EVENT)
