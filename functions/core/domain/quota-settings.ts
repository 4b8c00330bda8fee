import * as z from 'zod'
import { Plan } from './limits.ts'

/** The part `quotas` of pipeline.yaml, in the form that the functions need. */
export const QuotaSettings = z.strictObject({
  window: z.enum(['day', 'hour']),
  default_plan: z.string(),
  plans: z.record(z.string(), Plan),
})
export type QuotaSettings = z.infer<typeof QuotaSettings>

/**
 * Returns a user's plan. If an operator has removed this plan from pipeline.yaml, the function returns the default
 * plan, so that the user's calls do not fail.
 */
export function planOf({ plans, default_plan }: QuotaSettings, name: string): { name: string; plan: Plan } {
  const own = Object.hasOwn(plans, name) ? plans[name] : undefined
  if (own) return { name, plan: own }
  const plan = plans[default_plan]
  if (!plan) throw new Error(`no plan ${default_plan}`)
  return { name: default_plan, plan }
}
