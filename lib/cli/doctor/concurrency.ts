import { executionsOf } from '../../config/executions.ts'
import type { Pipeline } from '../../config/schema.ts'

/** The number of executions that every account must leave unreserved. AWS refuses reservations that leave fewer. */
const LEAST_UNRESERVED = 100

/** The concurrent executions of Lambda that the queues of a pipeline need. */
export interface Needs {
  /** The number of event source mappings: one per queue. */
  readonly mappings: number
  /**
   * The fewest executions of the mappings when all have work. Even the smallest `account_concurrency` in pipeline.yaml
   * does not reduce this number.
   */
  readonly least: number
  /** The most executions of the mappings, with the `concurrency` of pipeline.yaml. */
  readonly most: number
  /** The most executions for calls that wait for the end of a request. They are needed in addition to `most`. */
  readonly waits: number
  /** The sum of `reserved_concurrency` of pipeline.yaml. */
  readonly reserved: number
}

export function needsOf(pipeline: Pipeline): Needs {
  const { queues, least, most } = executionsOf(pipeline)
  return {
    mappings: queues,
    least,
    most,
    waits: pipeline.waiting.total,
    reserved: sum(Object.values(pipeline.reserved_concurrency).map(count => count ?? 0)),
  }
}

/** Returns whether AWS would refuse the `reserved_concurrency` of pipeline.yaml. `unreserved` is the number that is free. */
export const reservesTooMuch = ({ reserved }: Needs, unreserved: number): boolean =>
  reserved > 0 && unreserved - reserved < LEAST_UNRESERVED

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
