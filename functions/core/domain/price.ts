import * as z from 'zod'
import type { Usage } from './item.ts'

/** The price of a model's tokens, in USD per million tokens. */
export const Price = z.strictObject({ input: z.number().nonnegative(), output: z.number().nonnegative() })
export type Price = z.infer<typeof Price>

const PER = 1_000_000
/** The decimal places of a cost in USD. One token of any model costs at least a billionth of a dollar. */
const DIGITS = 9

/**
 * Returns the cost of charged tokens, in USD. Tokens beyond the two counts of a usage count as output, because some
 * models report their thinking only in the total. Without the counts, all tokens have the higher of the two prices, so
 * that a missing report makes no request cheaper.
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
