import type { Clock } from '../clock.ts'

/** A metric in the form of Prometheus and OTLP. Its series differ in their labels. */
export interface Family {
  /** OpenTelemetry's name. */
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly description: string
  /** OpenTelemetry's unit: `s`, or the thing that is counted, as in `{request}`. */
  readonly unit: string
  readonly buckets?: readonly number[] | undefined
}

export type Labels = Readonly<Record<string, string>>

/**
 * All values of a histogram so far. `counts` has one more number than the family has buckets: the last number counts
 * the values above all buckets.
 */
export interface Distribution {
  readonly counts: readonly number[]
  readonly sum: number
}

export interface Series {
  readonly family: Family
  readonly labels: Labels
  /**
   * The sum of a counter, the last value of a gauge, or the distribution of a histogram, since the registry was made.
   */
  readonly value: number | Distribution
}

/**
 * Adds up values from the registry's creation until the end of its process. Each read returns the sums since the
 * creation. So a reader that misses some reads loses no values.
 */
export interface Registry {
  /** The time at which the registry was made, in epoch milliseconds. */
  readonly since: number
  add(family: Family, labels: Labels, values: readonly number[]): void
  /**
   * Returns the series, in the order in which they came. A gauge without a value in the last 5 minutes is left out,
   * until it gets one.
   */
  series(): readonly Series[]
}

/**
 * How long the last value of a gauge counts as its value, in milliseconds. A gauge may get values only in trouble, for
 * example if requests wait for long. Without this limit, its last value would show that trouble for ever. Prometheus
 * itself uses a value for the same time.
 */
const GAUGE_LASTS_MS = 300_000

interface Kept extends Series {
  /** The time of its last value, in epoch milliseconds. */
  readonly at: number
}

export function createRegistry(clock: Clock): Registry {
  const all = new Map<string, Kept>()
  return {
    since: clock(),
    add(family, labels, values) {
      const key = JSON.stringify([family.name, labels])
      const before = all.get(key)?.value
      all.set(key, { family, labels, value: valueAfter(family, before, values), at: clock() })
    },
    series() {
      const now = clock()
      return [...all.values()].filter(({ family, at }) => family.kind !== 'gauge' || now - at < GAUGE_LASTS_MS)
    },
  }
}

function valueAfter(
  { kind, buckets = [] }: Family,
  before: Series['value'] | undefined,
  values: readonly number[],
): Series['value'] {
  if (kind === 'histogram') {
    const { counts, sum } = typeof before === 'object' ? before : { counts: [...buckets.map(() => 0), 0], sum: 0 }
    const added = [...counts]
    for (const value of values) {
      const index = buckets.findIndex(bound => value <= bound)
      const at = index < 0 ? buckets.length : index
      added[at] = (added[at] ?? 0) + 1
    }
    return { counts: added, sum: sum + total(values) }
  }
  const number = typeof before === 'number' ? before : 0
  return kind === 'counter' ? number + total(values) : (values.at(-1) ?? number)
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
