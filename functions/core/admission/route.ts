import { RequestError } from '../domain/errors.ts'
import type { Submission } from '../domain/submission.ts'
import { compileExpression } from '../expressions/expression.ts'
import { ADMISSION_MS, evaluateForRequest } from './evaluate.ts'
import type { Settings } from './settings.ts'

/**
 * The caller of a request, described by the authorizer and pipeline.yaml. Fields of the body with these names do not
 * replace them.
 */
export interface RoutedCaller {
  readonly user_id: string
  readonly plan: string
  /** The models that the plan allows. */
  readonly models: readonly string[]
}

/**
 * Finds the model of a submission. It does not check whether the caller may use this model: see `planRefusal`. Throws
 * `RequestError`.
 */
export type Router = (submission: Submission, caller: RoutedCaller) => Promise<string>

/**
 * Compiles pipeline.yaml's routing rules once. If the client names a model, this model is chosen. Otherwise the first
 * rule whose condition is true chooses the model.
 */
export function createRouter({ routing, models }: Pick<Settings, 'routing' | 'models'>): Router {
  const rules = routing.map(({ when, model }, index) => ({
    model,
    name: `routing[${index}].when`,
    holds: when === undefined ? undefined : compileExpression(`$boolean((${when}))`, ADMISSION_MS),
  }))
  return async (submission, { user_id, plan, models: allowed }) => {
    if (submission.model !== undefined) {
      if (models.includes(submission.model)) return submission.model
      throw new RequestError(
        'unknown_model',
        `there is no model "${submission.model}"; there are ${allowed.join(', ')}`,
      )
    }
    // `user_id` and `plan` come last, so that fields of the body can't replace them. Otherwise a client could choose a
    // rule that is for other users.
    const fields = { ...(submission.seen ?? submission.body), user_id, plan }
    for (const { model, name, holds } of rules)
      if (!holds || (await evaluateForRequest(holds, fields, name, isTrue))) return model
    throw new Error('the last route has no condition, so one always holds')
  }
}

const isTrue = (value: unknown): boolean => value === true
