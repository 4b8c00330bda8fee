import { compileExpression, EvaluationError } from '../expressions/expression.ts'
import type { Clock } from '../platform/clock.ts'
import type { Verdict } from './port.ts'
import type { Retry } from './retry.ts'

/**
 * The parts of an answer that a condition sees. `body` is the JSON value, or the text if the answer is not JSON. It is
 * absent if the answer has no readable body.
 */
export interface Seen {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/**
 * Finds the verdict of pipeline.yaml's conditions on an answer. Returns undefined if no condition holds. A condition
 * that would begin after `until` (epoch milliseconds) does not hold.
 */
export type Conditions = (seen: Seen, until: number) => Promise<Verdict | undefined>

/**
 * The longest time of one condition in JSONata's thread, in milliseconds. The invocation's other answers wait for this
 * thread, and their results must be published before the invocation ends. Otherwise these results are lost, and the
 * model is called again.
 */
const CONDITION_MS = 200

/**
 * Compiles `halt_when`, `drop_when` and `backoff_when`. They are tried in this order, and the first condition that
 * holds decides.
 */
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

/**
 * Evaluates a condition. If the evaluation of a condition fails, the condition does not hold, because it is usually
 * written for another kind of answer.
 */
async function isTrue(evaluate: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await evaluate()) === true
  } catch (error) {
    if (error instanceof EvaluationError) return false
    throw error
  }
}
