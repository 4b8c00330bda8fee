import * as z from 'zod'
import type { Usage } from './item.ts'

/** What a model's tokens cost, in USD per million. */
export const Price = z.strictObject({ input: z.number().nonnegative(), output: z.number().nonnegative() })
export type Price = z.infer<typeof Price>

const PER = 1_000_000
/** Costs are kept to a billionth of a dollar, which one token of any model costs at least. */
const DIGITS = 9

/**
 * What charged tokens cost, in USD. Tokens beyond the two counts of a usage are output: some models report their thinking only in the
 * total. Without the counts, all tokens have the higher of the two prices, so that no request is cheaper for a missing report.
 */
export function costOf({ input, output }: Price, charge: number, usage: Usage | undefined): number {
  const prompt = usage?.prompt_tokens
  if (prompt === undefined || prompt > charge) return rounded(charge * Math.max(input, output))
  return rounded(prompt * input + (charge - prompt) * output)
}

const rounded = (cost: number): number => Number((cost / PER).toFixed(DIGITS))

/** Returns the sum of costs. Returns undefined without any. */
export function sumOfCosts(costs: readonly (number | undefined)[]): number | undefined {
  const known = costs.filter(cost => cost !== undefined)
  return known.length === 0 ? undefined : Number(known.reduce((sum, cost) => sum + cost, 0).toFixed(DIGITS))
}
