import { invocationsFor, splitConcurrency } from './concurrency.ts'
import type { Model } from './model-schema.ts'
import { type Queue, type RabbitMq, rabbitMqOf } from './queue-schema.ts'

/** The smallest limit of simultaneous invocations that an event source mapping of SQS can have. */
const LEAST_PER_MAPPING = 2

/** The most calls of a worker's invocation, and the most messages of another function's invocation. */
const MOST_CALLS = 10

/**
 * The most messages of a broker in an invocation. A message has less than 200 KB, so the event has less than 6 MB.
 * Lambda drops larger events.
 */
export const MOST_MESSAGES_OF_BROKER = 20

/**
 * The most messages of an input in an invocation with a broker. The number is smaller than for other queues, because
 * other systems send these messages, and each message may have 1 MB. The event must have less than 6 MB.
 */
export const INPUT_MESSAGES_OF_BROKER = 3

/** The fewest executions that the API needs: one for a call, and one for the next. */
export const API_ROOM = 2

/** The fraction of a small account's executions that the API gets, if the other executions are enough for the queues. */
const API_PART = 0.2

/** The simultaneous invocations of each dead-letter queue. A mapping can't have fewer, and a dead-letter queue needs no more. */
const DEAD_LETTERS = LEAST_PER_MAPPING

/**
 * The most simultaneous invocations of the collector. A small database can run ten statements at the same time. More
 * statements would only wait for each other's rows.
 */
const COLLECTOR = 10

/** The most simultaneous invocations of the intake. They are enough for a few thousand admissions per second. */
const INTAKE = 10

type Priority = 'high' | 'normal'

/** The simultaneous invocations (`mapping`), and the most messages in each invocation (`calls`). */
export interface Split {
  readonly mapping: number
  readonly calls: number
}

/** The concurrent executions of Lambda that the queues of a pipeline may use. */
export interface Executions {
  worker(model: string, priority: Priority): Split
  readonly collector: number
  readonly intake: number
  /** The most messages in one invocation of the collector, and of the intake. */
  readonly batches: { readonly collector: number; readonly intake: number }
  /** The number of queues with a consumer. */
  readonly queues: number
  /** The most executions of all queues together, when all are full. */
  readonly most: number
  /**
   * The fewest executions of all queues together when all are full. Even the smallest `account_concurrency` does not
   * reduce this number.
   */
  readonly least: number
}

/** The parts of a pipeline that decide how many executions its queues use. */
interface Consuming {
  readonly queue?: Queue
  readonly models: Readonly<Record<string, Model>>
  readonly inputs?: readonly unknown[] | undefined
  readonly account_concurrency?: number | undefined
}

/** Divides the executions of the account among the queues of a pipeline. */
export function executionsOf(pipeline: Consuming): Executions {
  const broker = pipeline.queue && rabbitMqOf(pipeline.queue)
  return broker ? ofBroker(pipeline, broker) : ofSqs(pipeline)
}

/**
 * Returns the executions with a broker. Lambda runs one invocation at a time for each queue of a broker. So a model has
 * several queues, and the number of executions can't be reduced.
 */
function ofBroker({ models, inputs = [] }: Consuming, { consumers }: RabbitMq): Executions {
  const queues = OF_MODEL * consumers * Object.keys(models).length + RESULTS_QUEUES + INPUT_QUEUES * inputs.length
  return {
    worker(name, priority) {
      const { batch, concurrency } = modelOf(models, name)
      const calls = Math.min(MOST_MESSAGES_OF_BROKER, Math.max(1, Math.floor(concurrency[priority] / consumers)))
      return { mapping: consumers, calls: batch ? Math.min(MOST_MESSAGES_OF_BROKER, batch.count) : calls }
    },
    collector: 1,
    intake: 1,
    batches: { collector: MOST_MESSAGES_OF_BROKER, intake: INPUT_MESSAGES_OF_BROKER },
    queues,
    most: queues,
    least: queues,
  }
}

/** The number of a model's queues per consumer: a queue and a bulk queue for each of the two priorities. */
const OF_MODEL = 4
/** The queue of results and the dead-letter queue of all models. An input has a queue and a dead-letter queue, too. */
const RESULTS_QUEUES = 2
const INPUT_QUEUES = 2

/**
 * Divides the executions among the queues of SQS. Without `account_concurrency`, each queue gets what it can use. With
 * `account_concurrency`, the API gets its executions first. If too few are left, each queue keeps its smallest number of
 * executions, and gets the same part of the further executions that it can use.
 */
function ofSqs({ models, inputs = [], account_concurrency: account }: Consuming): Executions {
  const workers = Object.values(models).flatMap(model => [wanted(model, 'high'), wanted(model, 'normal')])
  const each = [
    ...workers.map(({ mapping }) => mapping),
    ...[COLLECTOR, DEAD_LETTERS],
    ...inputs.flatMap(() => [INTAKE, DEAD_LETTERS]),
  ]
  const least = each.length * LEAST_PER_MAPPING
  const squeeze = squeezeTo(account, least, sum(each))
  return {
    worker(name, priority) {
      return squeezed(modelOf(models, name), priority, squeeze)
    },
    collector: squeeze(COLLECTOR),
    intake: squeeze(INTAKE),
    batches: { collector: MOST_CALLS, intake: MOST_CALLS },
    queues: each.length,
    most: sum(each.map(squeeze)),
    least,
  }
}

function modelOf(models: Consuming['models'], name: string): Model {
  const model = models[name]
  if (!model) throw new Error(`no model is called ${name}`)
  return model
}

/** Makes a function that computes how many of its wanted invocations a mapping may have. */
function squeezeTo(account: number | undefined, least: number, most: number): (invocations: number) => number {
  if (account === undefined) return invocations => invocations
  const forQueues = account - Math.max(API_ROOM, Math.ceil(account * API_PART))
  const part = most <= forQueues ? 1 : Math.max(0, (forQueues - least) / (most - least))
  return invocations => LEAST_PER_MAPPING + Math.floor((invocations - LEAST_PER_MAPPING) * part)
}

/** Returns the invocations and calls that a priority of a model wants. With batches, each invocation is one call. */
function wanted({ concurrency, batch }: Model, priority: Priority): Split {
  const calls = concurrency[priority]
  if (batch) return { mapping: invocationsFor(calls), calls: batch.count }
  const split = splitConcurrency(calls)
  if (!split) throw new Error(`a concurrency can't be ${calls}`)
  return split
}

/**
 * Reduces the invocations of a priority. Each invocation then makes more calls, up to the limit per invocation. All
 * invocations together never make more calls than `concurrency` allows.
 */
function squeezed(model: Model, priority: Priority, squeeze: (invocations: number) => number): Split {
  const { mapping, calls } = wanted(model, priority)
  const fewer = squeeze(mapping)
  if (fewer === mapping || model.batch) return { mapping: fewer, calls }
  return { mapping: fewer, calls: Math.min(MOST_CALLS, Math.floor(model.concurrency[priority] / fewer)) }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
