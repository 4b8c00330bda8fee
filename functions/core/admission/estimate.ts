import * as z from 'zod'
import { RequestError } from '../domain/errors.ts'
import { estimateTokens, MAX_TOKENS } from '../domain/estimate.ts'
import type { Submission } from '../domain/submission.ts'
import { compileExpression, EvaluationError, type Expression } from '../expressions/expression.ts'
import { ADMISSION_MS, type RoutedCaller } from './route.ts'
import type { Settings } from './settings.ts'

/** Estimates the tokens that a submission reserves for a model. Throws `RequestError`. */
export type Estimator = (
  model: string,
  submission: Submission,
  caller: Pick<RoutedCaller, 'user_id' | 'plan'>,
) => Promise<number>

/** Compiles the `estimate` of each model once. A model without one has the usual estimate. */
export function createEstimator({ estimates = {} }: Pick<Settings, 'estimates'>): Estimator {
  const expressions = new Map(
    Object.entries(estimates).map(([model, source]) => [model, compileExpression(source, ADMISSION_MS)]),
  )
  return async (model, { prompt, body }, { user_id, plan }) => {
    const expression = expressions.get(model)
    const own = expression && (await evaluate(expression, { ...body, user_id, plan }, `models.${model}.estimate`))
    return own ?? estimateTokens(prompt, body)
  }
}

const Tokens = z.number().nonnegative().max(MAX_TOKENS)

/**
 * Nothing or null means the usual estimate, so an expression may be about some requests only. A failure refuses the request. The usual
 * estimate would not do then: a client could choose an input that fails, and reserve less than the operator wants.
 */
async function evaluate(expression: Expression, fields: object, name: string): Promise<number | undefined> {
  try {
    const value = (await expression(fields)) ?? undefined
    if (value === undefined) return undefined
    const tokens = Tokens.safeParse(value)
    if (tokens.success) return Math.ceil(tokens.data)
    throw new EvaluationError(`gives no number from 0 to ${MAX_TOKENS}`)
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    throw new RequestError(
      'invalid_request',
      `${name} cannot be evaluated for this request`,
      { problems: [{ path: name, message: error.message }] },
      { cause: error },
    )
  }
}
