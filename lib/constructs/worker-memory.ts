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

/** The part of an environment's memory that Node's heap has by default, and with the variables of `managedMemory`. */
const HEAP = { usual: 0.5, raised: 0.8 }

/** AWS's default for the invocations of Node that run on one core of a managed instance at the same time. */
const MOST_INVOCATIONS = 64

/** The memory of a worker's environment on a managed instance, and the number of invocations that fit into it. */
export interface ManagedMemory {
  readonly mb: number
  readonly invocations: number
  readonly variables: Readonly<Record<string, string>>
}

/**
 * Returns how a worker uses the memory of an environment on a managed instance. The invocations share one thread. A fifth of
 * the memory is left for the rest of the process.
 *
 * All data of invocations must fit into Node's heap. `NODE_OPTIONS` makes the heap larger, but it also removes the memory limit of JSONata's thread.
 * So a worker with such a thread keeps the usual heap.
 */
export function managedMemory({ messages, batched, inThread }: WorkerLoad): ManagedMemory {
  const mb = MANAGED_GB * 1_024
  const heap = Math.floor(mb * (inThread ? HEAP.usual : HEAP.raised))
  const { process } = batched ? BATCHED : PER_CALL
  const each = batched ? batchMemory(messages) - process : PER_CALL.call * messages
  return {
    mb,
    invocations: Math.min(MOST_INVOCATIONS, Math.floor((heap - process) / each)),
    // By default, Lambda starts eight threads per core, and each would import the worker.
    variables: {
      AWS_LAMBDA_NODEJS_WORKER_COUNT: '1',
      ...(!inThread && { NODE_OPTIONS: `--max-old-space-size=${heap}` }),
    },
  }
}

const batchMemory = (messages: number): number =>
  BATCHED.process +
  BATCHED.body * Math.min(messages, MAX_STORED_BODIES) +
  BATCHED.answer +
  BATCHED.smallBodies * Math.min(messages * SMALL_BODY, MAX_EVENT)
