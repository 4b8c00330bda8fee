import { invocationsFor, splitConcurrency } from './concurrency.ts'
import type { Model } from './model-schema.ts'
import { type Queue, type RabbitMq, rabbitMqOf } from './queue-schema.ts'

/** An event source mapping of SQS can't be limited to fewer simultaneous invocations. */
const LEAST_PER_MAPPING = 2

/** At most so many calls share an invocation, and at most so many messages of another queue. */
const MOST_CALLS = 10

/**
 * At most so many messages of a broker are in an invocation. A message has less than 200 KB, so that the event has less than the 6 MB of
 * which Lambda drops an event.
 */
export const MOST_MESSAGES_OF_BROKER = 20

/** A message of an input may have 1 MB: other systems send it. */
export const INPUT_MESSAGES_OF_BROKER = 3

/** The API needs so many executions at least: one for a call, and one for the next. */
export const API_ROOM = 2

/** The API gets this part of a small account, if the queues can do with the rest. */
const API_PART = 0.2

/** The mappings of each dead-letter queue. They can't have fewer, and need no more. */
const DEAD_LETTERS = LEAST_PER_MAPPING

/** One small database can run ten statements at a time. More would only wait for each other's rows. */
const COLLECTOR = 10

/** This is enough for some thousand admissions per second. */
const INTAKE = 10

type Priority = 'high' | 'normal'

/** Simultaneous invocations, and the messages in each. */
export interface Split {
  readonly mapping: number
  readonly calls: number
}

/** The concurrent executions of Lambda that the queues of a pipeline may take. */
export interface Executions {
  worker(model: string, priority: Priority): Split
  readonly collector: number
  readonly intake: number
  /** The most messages in an invocation of these functions. */
  readonly batches: { readonly collector: number; readonly intake: number }
  /** The number of queues with a consumer. */
  readonly queues: number
  /** What all queues take together when all are full. */
  readonly most: number
  /** What they take then at least, whatever pipeline.yaml says. */
  readonly least: number
}

/** The parts of a pipeline that decide how many executions its queues take. */
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

/** Lambda runs one invocation at a time for each queue of a broker. So a model has several queues, and nothing can be squeezed. */
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

/** A model has a queue and a bulk queue per priority. */
const OF_MODEL = 4
/** The results and the dead letters of all models; the messages and the dead letters of an input. */
const RESULTS_QUEUES = 2
const INPUT_QUEUES = 2

/**
 * Divides the executions among the queues of SQS. Without `account_concurrency`, each queue gets what it can use. With it, all
 * queues give up the same part of what they have above the least, until the API has its room.
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

/** Makes the function that says how many invocations a mapping may have, of those that it wants. */
function squeezeTo(account: number | undefined, least: number, most: number): (invocations: number) => number {
  if (account === undefined) return invocations => invocations
  const forQueues = account - Math.max(API_ROOM, Math.ceil(account * API_PART))
  const part = most <= forQueues ? 1 : Math.max(0, (forQueues - least) / (most - least))
  return invocations => LEAST_PER_MAPPING + Math.floor((invocations - LEAST_PER_MAPPING) * part)
}

/** With batches, each invocation is one call. */
function wanted({ concurrency, batch }: Model, priority: Priority): Split {
  const calls = concurrency[priority]
  if (batch) return { mapping: invocationsFor(calls), calls: batch.count }
  const split = splitConcurrency(calls)
  if (!split) throw new Error(`a concurrency can't be ${calls}`)
  return split
}

/** Fewer invocations make more calls each, as far as that is possible, and never more calls together. */
function squeezed(model: Model, priority: Priority, squeeze: (invocations: number) => number): Split {
  const { mapping, calls } = wanted(model, priority)
  const fewer = squeeze(mapping)
  if (fewer === mapping || model.batch) return { mapping: fewer, calls }
  return { mapping: fewer, calls: Math.min(MOST_CALLS, Math.floor(model.concurrency[priority] / fewer)) }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
