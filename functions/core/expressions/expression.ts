import { serialize } from '../platform/serialize.ts'
import { isBounded } from './is-bounded.ts'
import { EvaluationError, evaluate, prepare } from './prepare.ts'

export { EvaluationError }

/**
 * A compiled expression of pipeline.yaml. It resolves to plain JSON, or to undefined if the expression has no result.
 * It rejects with `EvaluationError` if it fails for this input, or exceeds a limit of time, memory or size. `userId` is
 * the user whose request is evaluated.
 */
export type Expression = (input: unknown, userId?: string) => Promise<unknown>

// JSONata measures an evaluation by the clock and yields at each step. If several evaluations ran at the same time,
// each would count the time of all, and could fail by its timeout. So they run one after the other.
const oneByOne = serialize()

/**
 * Compiles an expression. If the text is not an expression, it throws JSONata's error. This does not happen for a
 * deployed pipeline.yaml, because `checkMapping` refuses such a file. JSONata can't interrupt some steps, such as a
 * regular expression. `cpuMs` limits the CPU time of such steps. Without `cpuMs`, they may take two seconds by the
 * clock.
 */
export function compileExpression(source: string, cpuMs?: number): Expression {
  const compiled = prepare(source)
  if (isBounded(compiled.ast())) {
    return input => oneByOne(async () => parse(await evaluate(compiled, input)))
  }
  // The sandbox is loaded only if an expression needs it.
  return async (input, userId) =>
    parse(await (await import('./sandbox.ts')).evaluateInThread(source, input, { cpuMs, userId }))
}

/** Returns whether an expression is evaluated in the sandbox, a thread with its own memory. */
export const needsThread = (source: string): boolean => !isBounded(prepare(source).ast())

const parse = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json))
