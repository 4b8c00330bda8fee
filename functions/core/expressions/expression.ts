import { inTurn } from '../platform/serialize.ts'
import { isPlain } from './is-bounded.ts'
import { EvaluationError, evaluate, prepare } from './prepare.ts'

export { EvaluationError }

/**
 * An expression of pipeline.yaml, compiled. Gives plain JSON, or undefined where the expression gives nothing. Rejects with
 * `EvaluationError` for input that it can't be evaluated for, and when it goes beyond a bound of time, memory or size.
 */
export type Expression = (input: unknown) => Promise<unknown>

// JSONata measures an evaluation by the clock and gives way at each step: of several at a time, each would be charged for all.
const oneByOne = inTurn()

/**
 * Throws JSONata's error for a text that is no expression; `checkMapping` has refused such a file before. With
 * `cpuMs`, what JSONata itself can't interrupt, such as a regular expression, is bounded by its computing, else by two seconds of
 * the clock.
 */
export function compileExpression(source: string, cpuMs?: number): Expression {
  const compiled = prepare(source)
  if (isPlain(compiled.ast())) {
    return input => oneByOne(async () => parse(await evaluate(compiled, input)))
  }
  // Loaded only where an expression needs it.
  return async input => parse(await (await import('./sandbox.ts')).evaluateInThread(source, input, cpuMs))
}

/** Whether an expression is evaluated in a thread, with memory of its own. */
export const needsThread = (source: string): boolean => !isPlain(prepare(source).ast())

const parse = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json))
