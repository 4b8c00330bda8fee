// SQS takes 2 to 1,000 simultaneous invocations for a mapping; 10 calls in one invocation keep its memory and payload small.
const MAPPING = { min: 2, max: 1_000 }
const CALLS_MAX = 10

// A batch of one occupies an invocation as long as a batch of ten: requests that come one by one get at least so many calls at
// once, where the number allows it. The rest of the concurrency is there as soon as requests wait.
const MAPPING_PREFERRED = 5

/** The most simultaneous invocations for one priority of a model. */
export const MAX_INVOCATIONS = MAPPING.max

/** The most simultaneous calls that one priority of a model may have. */
export const MAX_CONCURRENCY = MAPPING.max * CALLS_MAX

/**
 * How `concurrency` simultaneous calls are made exactly: `mapping` invocations at once (the event source mapping's
 * MaximumConcurrency, 2..1000), each with `calls` calls at once (1..10). It takes as many calls per invocation as leave five
 * invocations, since one is billed while the model thinks. Undefined if no such product exists, as for primes over 1000.
 */
export function splitConcurrency(concurrency: number): { mapping: number; calls: number } | undefined {
  const products = Array.from({ length: CALLS_MAX }, (_, i) => ({ mapping: concurrency / (i + 1), calls: i + 1 }))
  const possible = products.filter(
    ({ mapping }) => Number.isInteger(mapping) && mapping >= MAPPING.min && mapping <= MAPPING.max,
  )
  return possible.findLast(({ mapping }) => mapping >= MAPPING_PREFERRED) ?? possible[0]
}

/** The concurrency nearest to the given one that can be met exactly; the lower one of two that are equally near. */
export function nearestConcurrency(concurrency: number): number {
  for (let distance = 0; distance < MAX_CONCURRENCY; distance += 1) {
    const found = [concurrency - distance, concurrency + distance].find(candidate => splitConcurrency(candidate))
    if (found !== undefined) return found
  }
  return MAPPING.min
}
