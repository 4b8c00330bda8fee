import { isTerminal, type RequestItem } from './item.ts'
import { sumOfCosts } from './price.ts'

/** The cost of a request for its user. */
export interface Charged {
  readonly requests: number
  readonly tokens: number
  /** In USD, if the model has a price. */
  readonly cost?: number
}

type Costs = Pick<RequestItem, 'status' | 'charge' | 'cost' | 'holds_request' | 'earlier'>

/**
 * Returns the cost of all runs of a request. A run that ends without a charge costs nothing (docs/adr/0004). A redrive
 * begins a new run. The new run is charged one request only if no earlier run was, so that the user pays for a request
 * only once (rule 3 of docs/architecture.md). Returns undefined until the first run has ended.
 */
export function chargedFor({ status, charge, cost, holds_request, earlier = [] }: Costs): Charged | undefined {
  const runs = [...earlier, ...(charge === undefined ? [] : [{ tokens: charge, request: holds_request, cost }])]
  if (runs.length === 0 && !isTerminal(status)) return undefined
  const costs = sumOfCosts(runs.map(run => run.cost))
  return {
    requests: runs.filter(({ request }) => request).length,
    tokens: runs.reduce((sum, { tokens }) => sum + tokens, 0),
    ...(costs !== undefined && { cost: costs }),
  }
}
