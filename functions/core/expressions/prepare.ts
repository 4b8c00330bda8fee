import jsonata from 'jsonata'
import { addHelpers } from './helpers.ts'

/**
 * The bounds that JSONata checks between two steps: milliseconds (`timeout`), depth of calls (`stack`), and items of a
 * new list (`sequence`). The timeout is generous, because JSONata measures it by the clock. A Lambda function with a
 * third of a CPU core can be paused for a while, and a short expression must not fail because of such a pause.
 */
const BOUNDS = { timeout: 1_000, stack: 200, sequence: 100_000 }

/** The most characters of a text and of a result in JSON, and the most items of a list. */
export const MAX_SIZE = 8 * 1024 * 1024

/** Says why an expression could not be evaluated, as the end of a sentence: `takes over 2000 ms`. It never quotes the input. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
}

/** Makes the error for a value above `MAX_SIZE`. */
export const tooLarge = (): EvaluationError => new EvaluationError('makes a value of over 8 MB')

/**
 * Compiles with our bounds and helpers. `timeoutMs` replaces the timeout of `BOUNDS`, if another limit must apply
 * first.
 */
export function prepare(source: string, timeoutMs = BOUNDS.timeout): jsonata.Expression {
  const expression = jsonata(source, { ...BOUNDS, timeout: timeoutMs })
  addHelpers(expression)
  return expression
}

/** Evaluates an expression. Returns JSON text, or undefined if there is no result. Rejects with `EvaluationError`. */
export async function evaluate(expression: jsonata.Expression, input: unknown): Promise<string | undefined> {
  try {
    return toJson(await expression.evaluate(input))
  } catch (error) {
    throw toEvaluationError(error)
  }
}

/**
 * Converts a value of JSONata to JSON text. Its values can contain functions, which are refused. Its lists can have
 * internal fields, which JSON text leaves out.
 */
function toJson(value: unknown): string | undefined {
  if (value === undefined) return undefined
  const text = JSON.stringify(value, (_, part) => {
    if (typeof part === 'function' || (typeof part === 'number' && !Number.isFinite(part)))
      throw new EvaluationError('gives what is not JSON')
    return part
  })
  if (text.length > MAX_SIZE) throw tooLarge()
  return text
}

const BOUND_BY_CODE: Readonly<Record<string, string>> = {
  D1011: ', since it calls itself too deep',
  D1012: `, since it takes over ${BOUNDS.timeout} ms`,
  D2015: `, since it makes a list of over ${BOUNDS.sequence} items`,
}

/**
 * Converts an error to an `EvaluationError`. It keeps only JSONata's error code, because JSONata's messages quote the
 * input, and no log may contain a prompt.
 */
function toEvaluationError(error: unknown): EvaluationError {
  if (error instanceof EvaluationError) return error
  const { code = '' } = error as { code?: string }
  if (!/^[A-Z]\d{4}$/.test(code)) return new EvaluationError('fails')
  return new EvaluationError(`fails with JSONata's error ${code}${BOUND_BY_CODE[code] ?? ''}`)
}
