import * as z from 'zod'
import type { Usage } from './item.ts'

/** The price of a model's tokens, in USD per million tokens. */
export const Price = z.strictObject({ input: z.number().nonnegative(), output: z.number().nonnegative() })
export type Price = z.infer<typeof Price>

const PER = 1_000_000
/**
 * The decimal places of a cost in USD. One token of any model costs at least a billionth of a dollar, so a cost with
 * nine places is exact enough.
 */
const DIGITS = 9

/**
 * Returns the cost of charged tokens, in USD. All charged tokens that are not tokens of the prompt have the price of
 * output, because some models report their reasoning tokens only in the total. If the number of the prompt's tokens is
 * not known, all tokens have the higher of the two prices. So a request does not become cheaper because its model
 * reports less.
 */
export function costOf({ input, output }: Price, charge: number, usage: Usage | undefined): number {
  const prompt = usage?.prompt_tokens
  if (prompt === undefined || prompt > charge) return rounded(charge * Math.max(input, output))
  return rounded(prompt * input + (charge - prompt) * output)
}

const rounded = (cost: number): number => Number((cost / PER).toFixed(DIGITS))

/** Returns the sum of costs. Returns undefined if there are no costs. */
export function sumOfCosts(costs: readonly (number | undefined)[]): number | undefined {
  const known = costs.filter(cost => cost !== undefined)
  return known.length === 0 ? undefined : Number(known.reduce((sum, cost) => sum + cost, 0).toFixed(DIGITS))
}
