import { RequestError } from '../domain/errors.ts'
import type { Submission } from '../domain/submission.ts'
import { compileExpression, EvaluationError, type Expression } from '../expressions/expression.ts'
import type { Settings } from './settings.ts'

/**
 * How long an expression may compute in JSONata's thread at the admission, in milliseconds. A request that takes longer is refused, and costs its
 * user nothing. So an attacker's text can't keep an unwise regular expression busy for long. Usual expressions take 5 to
 * 20 ms for 4 MB; one that looks for addresses takes 100.
 */
export const ADMISSION_MS = 200

/** The caller, as the authorizer and pipeline.yaml describe it. The body can't replace these fields. */
export interface RoutedCaller {
  readonly user_id: string
  readonly plan: string
  /** The models that the plan allows. */
  readonly models: readonly string[]
}

/** Finds the model of a submission. Whether the caller may use it is decided later. Throws `RequestError`. */
export type Router = (submission: Submission, caller: RoutedCaller) => Promise<string>

/** Compiles pipeline.yaml's routing rules once. A model that the client names wins; else the first rule that holds. */
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
    // Last, so that a body can't say that it is another user's, or of another plan.
    const fields = { ...submission.body, user_id, plan }
    for (const { model, name, holds } of rules) if (!holds || (await test(holds, fields, name))) return model
    throw new Error('the last route has no condition, so one always holds')
  }
}

async function test(holds: Expression, fields: object, name: string): Promise<boolean> {
  try {
    return (await holds(fields)) === true
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
