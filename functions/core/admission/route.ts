import { RequestError } from '../domain/errors.ts'
import type { Submission } from '../domain/submission.ts'
import { compileExpression, EvaluationError, type Expression } from '../expressions/expression.ts'
import type { Settings } from './settings.ts'

/**
 * How long one rule may compute in JSONata's thread. A request for which it takes longer is refused and costs its user nothing,
 * so this bounds what an attacker's text makes of an unwise regular expression. Usual ones take 5 to 20 ms for 4 MB, one that
 * looks for addresses 100. Milliseconds.
 */
const RULE_MS = 200

/** Whose request is routed: what the authorizer and pipeline.yaml say of the caller, never what the body says. */
export interface RoutedCaller {
  readonly user_id: string
  readonly plan: string
  /** The models that the plan allows. */
  readonly models: readonly string[]
}

/** The model that a submission goes to, be it one that its caller may use or not. Throws `RequestError`. */
export type Router = (submission: Submission, caller: RoutedCaller) => Promise<string>

/** Compiles pipeline.yaml's routing once: a model that is named wins, then the first rule that holds. */
export function createRouter({ routing, models }: Pick<Settings, 'routing' | 'models'>): Router {
  const rules = routing.map(({ when, model }, index) => ({
    model,
    name: `routing[${index}].when`,
    holds: when === undefined ? undefined : compileExpression(`$boolean((${when}))`, RULE_MS),
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
