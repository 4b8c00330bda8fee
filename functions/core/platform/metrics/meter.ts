import type { MetricName } from './definitions.ts'

/** Counts and measures. A call never throws and never waits. */
export interface Meter {
  /**
   * Adds to a counter, or records a value of a gauge or a histogram. `model` is for a function that works for several models, and `queue`
   * for a metric per queue.
   */
  add(name: MetricName, value: number, model?: string, queue?: string): void
}

/** The values of one metric that were recorded since they were last taken. A counter has one value: the sum. */
export interface Sample {
  readonly name: MetricName
  readonly service: string
  readonly model: string | undefined
  readonly queue?: string | undefined
  readonly values: readonly number[]
}
