import { Priority } from '../../functions/core/domain/ids.ts'
import type { Policies } from '../../functions/core/flow-control/policies.ts'
import type { Model } from '../config/model-schema.ts'
import type { Pipeline } from '../config/schema.ts'

/**
 * Returns a model's settings for its circuit breaker, its rate limit and single calls, in the form that workers and the
 * command line read. A setting that pipeline.yaml does not have is absent.
 */
export function policiesOf({
  circuit,
  rate_limit,
  concurrency,
}: Pick<Model, 'circuit' | 'rate_limit' | 'concurrency'>): Policies {
  const single = Priority.options.filter(priority => concurrency[priority] === 1)
  return {
    ...(circuit && { circuit: { failures: circuit.failures, within_ms: circuit.within, open_ms: circuit.open } }),
    ...(rate_limit && { rate_limit: { count: rate_limit.count, interval_ms: rate_limit.interval } }),
    ...(single.length > 0 && { one_at_a_time: single }),
  }
}

export const policiesByModel = ({ models }: Pipeline): Record<string, Policies> =>
  Object.fromEntries(Object.entries(models).map(([name, model]) => [name, policiesOf(model)]))
