import jsonata from 'jsonata'
import { addHelpers } from './helpers.ts'

/**
 * What JSONata itself bounds, between two steps: milliseconds, depth of calls, items of a list that it makes. It goes by the
 * clock, and a function with a third of a core may stand still for a while: an expression of microseconds must not fail then.
 */
const BOUNDS = { timeout: 1_000, stack: 200, sequence: 100_000 }

/** The longest text, and the longest JSON that an expression may give, in characters; and the longest list, in items. */
export const MAX_SIZE = 8 * 1024 * 1024

/** Why an expression could not be evaluated, as a sentence's end: `takes over 2000 ms`. Quotes nothing of its input. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError'
}

/** The error of a value beyond `MAX_SIZE`. */
export const tooLarge = (): EvaluationError => new EvaluationError('makes a value of over 8 MB')

/** Compiles with our bounds and helpers; `timeout` replaces JSONata's own where another bound is to come first. Milliseconds. */
export function prepare(source: string, timeout = BOUNDS.timeout): jsonata.Expression {
  const expression = jsonata(source, { ...BOUNDS, timeout })
  addHelpers(expression)
  return expression
}

/** Evaluates to JSON text, or undefined for nothing. Rejects with `EvaluationError`. */
export async function evaluate(expression: jsonata.Expression, input: unknown): Promise<string | undefined> {
  try {
    return toJson(await expression.evaluate(input))
  } catch (error) {
    throw toEvaluationError(error)
  }
}

/** JSONata's values may hold functions, and marks of its own on lists: only plain JSON leaves. */
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

/** JSONata's messages quote the values they fail on: its stable code is enough to find the place. */
function toEvaluationError(error: unknown): EvaluationError {
  if (error instanceof EvaluationError) return error
  const { code = '' } = error as { code?: string }
  if (!/^[A-Z]\d{4}$/.test(code)) return new EvaluationError('fails')
  return new EvaluationError(`fails with JSONata's error ${code}${BOUND_BY_CODE[code] ?? ''}`)
}
