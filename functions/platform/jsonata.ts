import jsonata from 'jsonata'

/** An expression of pipeline.yaml, compiled. Throws what JSONata throws, for input that it can't be evaluated for. */
export type Expression = (input: unknown, bindings?: Record<string, unknown>) => Promise<unknown>

/** Bounds of one evaluation, so that no expression hangs a function: milliseconds, depth of calls, items of a range. */
const BOUNDS = { timeout: 250, stack: 200, sequence: 100_000 }

export function compileExpression(source: string): Expression {
  const compiled = jsonata(source, BOUNDS)
  return (input, bindings = {}) => compiled.evaluate(input, bindings)
}
