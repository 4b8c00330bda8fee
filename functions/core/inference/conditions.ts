import { compileExpression, EvaluationError } from '../expressions/expression.ts'
import type { Clock } from '../platform/clock.ts'
import type { Verdict } from './port.ts'
import type { Retry } from './retry.ts'

/** What a condition sees of an answer. `body` is the JSON value, the text of what is not JSON, or missing. */
export interface Seen {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/**
 * Finds the verdict that pipeline.yaml's conditions have on an answer; undefined if none holds. A condition that would begin after
 * `until` (epoch milliseconds) does not hold.
 */
export type Conditions = (seen: Seen, until: number) => Promise<Verdict | undefined>

/**
 * How long one condition may compute in JSONata's thread, in milliseconds. Its answer holds up the others of the invocation, whose
 * results are still to be published.
 */
const CONDITION_MS = 200

/** Compiles `halt_when`, `drop_when` and `backoff_when`. The first that holds decides, in this order. */
export function compileConditions({ halt_when, drop_when, backoff_when }: Retry, clock: Clock): Conditions {
  const conditions = (
    [
      ['halt', halt_when],
      ['drop', drop_when],
      ['retry', backoff_when],
    ] as const
  ).flatMap(([verdict, source]) =>
    source === undefined ? [] : [{ verdict, holds: compileExpression(`$boolean((${source}))`, CONDITION_MS) }],
  )
  return async (seen, until) => {
    for (const { verdict, holds } of conditions)
      if (clock() < until && (await isTrue(() => holds(seen)))) return verdict
    return undefined
  }
}

/** A condition that fails for an answer does not hold: it is mostly about another kind of answer. */
async function isTrue(evaluate: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await evaluate()) === true
  } catch (error) {
    if (error instanceof EvaluationError) return false
    throw error
  }
}
