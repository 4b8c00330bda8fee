import { splitConcurrency } from '../../config/concurrency.ts'
import type { Pipeline } from '../../config/schema.ts'

/** An event source mapping of SQS has at least so many simultaneous invocations. */
const LEAST_PER_MAPPING = 2

/** So many executions must be left for calls of the API: one that posts, and one that reads. */
export const API_ROOM = 2

/** AWS lets nobody reserve the last executions of an account. */
const LEAST_UNRESERVED = 100

/** The most invocations of the collector, of the intake, and of either for a dead-letter queue (lib/constructs). */
const COLLECTOR = 10
const INTAKE = 10
const DEAD_LETTERS = 2

/** The concurrent executions of Lambda that the queues of a pipeline take. */
export interface Needs {
  readonly mappings: number
  /** What the mappings take at least when all have work, whatever pipeline.yaml says. */
  readonly least: number
  /** What they take at most, with the `concurrency` of pipeline.yaml. */
  readonly most: number
  /** Calls that wait for the end of a request take so many more. */
  readonly waits: number
  readonly reserved: number
}

export function needsOf({ models, inputs = [], waiting, reserved_concurrency }: Pipeline): Needs {
  const workers = Object.values(models).flatMap(({ concurrency, batch }) =>
    [concurrency.high, concurrency.normal].map(calls => (batch ? calls : (splitConcurrency(calls)?.mapping ?? calls))),
  )
  const each = [...workers, COLLECTOR, DEAD_LETTERS, ...inputs.flatMap(() => [INTAKE, DEAD_LETTERS])]
  return {
    mappings: each.length,
    least: each.length * LEAST_PER_MAPPING,
    most: sum(each),
    waits: waiting.total,
    reserved: sum(Object.values(reserved_concurrency).map(count => count ?? 0)),
  }
}

/** Whether AWS would refuse the reservations of pipeline.yaml. */
export const reservesTooMuch = ({ reserved }: Needs, unreserved: number): boolean =>
  reserved > 0 && unreserved - reserved < LEAST_UNRESERVED

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
