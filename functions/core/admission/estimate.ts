import * as z from 'zod'
import { estimateTokens, MAX_TOKENS } from '../domain/estimate.ts'
import type { Submission } from '../domain/submission.ts'
import { compileExpression, EvaluationError } from '../expressions/expression.ts'
import { ADMISSION_MS, evaluateForRequest } from './evaluate.ts'
import type { RoutedCaller } from './route.ts'
import type { Settings } from './settings.ts'

/** Estimates the tokens that a submission reserves for a model. Throws `RequestError`. */
export type Estimator = (
  model: string,
  submission: Submission,
  caller: Pick<RoutedCaller, 'user_id' | 'plan'>,
) => Promise<number>

/**
 * Compiles each model's `estimate` expression of pipeline.yaml once. A model without this expression has the usual
 * estimate (`estimateTokens`).
 */
export function createEstimator({ estimates = {} }: Pick<Settings, 'estimates'>): Estimator {
  const expressions = new Map(
    Object.entries(estimates).map(([model, source]) => [model, compileExpression(source, ADMISSION_MS)]),
  )
  return async (model, { prompt, body, seen = body }, { user_id, plan }) => {
    const expression = expressions.get(model)
    const own =
      expression &&
      (await evaluateForRequest(expression, { ...seen, user_id, plan }, `models.${model}.estimate`, readTokens))
    return own ?? estimateTokens(prompt, seen)
  }
}

const Tokens = z.number().nonnegative().max(MAX_TOKENS)

/**
 * Reads the result of an `estimate` expression. If there is no result or it is null, the request has the usual
 * estimate. So an expression may apply to some requests only. If the expression fails, the request is refused, and does
 * not get the usual estimate. Otherwise a client could choose an input for which the expression fails, and reserve less
 * than the operator wants.
 */
function readTokens(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  const tokens = Tokens.safeParse(value)
  if (tokens.success) return Math.ceil(tokens.data)
  throw new EvaluationError(`gives no number from 0 to ${MAX_TOKENS}`)
}
