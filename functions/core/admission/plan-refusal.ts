import { RequestError } from '../domain/errors.ts'
import type { Priority } from '../domain/ids.ts'
import type { Plan } from '../domain/limits.ts'

/** The properties of a request that a plan may forbid. */
export interface Asked {
  readonly priority: Priority
  /** The model that the request goes to. */
  readonly model: string
  /** Whether the request itself names the model. If not, routing has chosen it. */
  readonly isNamed: boolean
}

/** Builds the error that says why a plan does not allow a request. Returns undefined if the plan allows it. */
export function planRefusal(name: string, plan: Plan, { priority, model, isNamed }: Asked): RequestError | undefined {
  if (!plan.priorities.includes(priority))
    return new RequestError(
      'priority_not_allowed',
      `the plan ${name} does not allow the priority ${priority}; it allows ${plan.priorities.join(', ')}`,
    )
  if (plan.models === undefined || plan.models.includes(model)) return undefined
  // If routing has chosen the model, the sentence does not name it, because the caller may not know a model that the
  // plan forbids.
  const what = isNamed ? `the model "${model}"` : 'the model that this request is routed to'
  return new RequestError(
    'model_not_allowed',
    `the plan ${name} does not allow ${what}; it allows ${plan.models.join(', ')}`,
  )
}
