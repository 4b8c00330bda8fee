/** A metric as Prometheus and OTLP know it: its series differ in their labels. */
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

/** All values of a histogram so far. `counts` has one number more than the family has buckets: that of the values above them all. */
export interface Distribution {
  readonly counts: readonly number[]
  readonly sum: number
}

export interface Series {
  readonly family: Family
  readonly labels: Labels
  /** Since the registry was made: the sum of a counter, the last value of a gauge, or the distribution of a histogram. */
  readonly value: number | Distribution
}

/** Adds values up, from when it was made until its process ends. So a reader that misses some answers loses nothing. */
export interface Registry {
  /** When it was made. Epoch milliseconds. */
  readonly since: number
  add(family: Family, labels: Labels, values: readonly number[]): void
  /** The series, in the order in which they came. */
  series(): readonly Series[]
}

export function createRegistry(since: number): Registry {
  const all = new Map<string, Series>()
  return {
    since,
    add(family, labels, values) {
      const key = JSON.stringify([family.name, labels])
      const before = all.get(key)?.value
      all.set(key, { family, labels, value: valueAfter(family, before, values) })
    },
    series: () => [...all.values()],
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
