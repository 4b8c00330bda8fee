import { executionsOf } from '../../config/executions.ts'
import type { Pipeline } from '../../config/schema.ts'

/** The number of executions of an account that AWS does not allow to reserve. */
const LEAST_UNRESERVED = 100

/** The concurrent executions of Lambda that the queues of a pipeline need. */
export interface Needs {
  readonly mappings: number
  /** The fewest executions of the mappings when all have work, whatever pipeline.yaml says. */
  readonly least: number
  /** The most executions of the mappings, with the `concurrency` of pipeline.yaml. */
  readonly most: number
  /** The most further executions, for calls that wait for the end of a request. */
  readonly waits: number
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

/** Returns whether AWS would refuse the reservations of pipeline.yaml. */
export const reservesTooMuch = ({ reserved }: Needs, unreserved: number): boolean =>
  reserved > 0 && unreserved - reserved < LEAST_UNRESERVED

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
