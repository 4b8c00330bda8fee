// An event source mapping of SQS can have 2 to 1,000 simultaneous invocations. An invocation has at most 10 calls, so
// that its memory and its payload stay small.
const MAPPING = { min: 2, max: 1_000 }
const CALLS_MAX = 10

// The fewest invocations, if the concurrency can be split in this way. Requests that arrive one by one occupy an
// invocation each, although the invocation has room for more calls. So with fewer invocations, fewer of these requests
// would run at the same time. The rest of the concurrency is used as soon as requests wait.
const PREFERRED_INVOCATIONS = 5

/**
 * The invocations of a priority with one call at a time. A mapping has at least two invocations. A lease in the
 * model's state allows only one call, so the other invocation makes no call until the lease ends.
 */
const ONE_AT_A_TIME = { mapping: MAPPING.min, calls: 1 }

/** The most simultaneous invocations for one priority of a model. */
export const MAX_INVOCATIONS = MAPPING.max

/** The most simultaneous calls that one priority of a model may have. */
export const MAX_CONCURRENCY = MAPPING.max * CALLS_MAX

/**
 * Splits `concurrency` simultaneous calls into `mapping` invocations (the MaximumConcurrency of the event source
 * mapping, 2..1000) with `calls` calls each (1..10), so that the product is exact. An invocation is billed while the
 * model works, so the split takes as many calls per invocation as possible, but keeps at least five invocations.
 * Returns undefined if there is no such product, for example for a prime over 1000. One call at a time can't be split:
 * see `ONE_AT_A_TIME`.
 */
export function splitConcurrency(concurrency: number): { mapping: number; calls: number } | undefined {
  if (concurrency === 1) return ONE_AT_A_TIME
  const products = Array.from({ length: CALLS_MAX }, (_, i) => ({ mapping: concurrency / (i + 1), calls: i + 1 }))
  const possible = products.filter(
    ({ mapping }) => Number.isInteger(mapping) && mapping >= MAPPING.min && mapping <= MAPPING.max,
  )
  return possible.findLast(({ mapping }) => mapping >= PREFERRED_INVOCATIONS) ?? possible[0]
}

/**
 * Returns the number of simultaneous invocations of a priority if each invocation makes one call at a time, as with
 * batches.
 */
export const invocationsFor = (concurrency: number): number => Math.max(MAPPING.min, concurrency)

/** Returns the nearest concurrency that can be split exactly. Of two that are equally near, it is the lower one. */
export function nearestConcurrency(concurrency: number): number {
  for (let distance = 0; distance < MAX_CONCURRENCY; distance += 1) {
    const found = [concurrency - distance, concurrency + distance].find(candidate => splitConcurrency(candidate))
    if (found !== undefined) return found
  }
  return MAPPING.min
}
