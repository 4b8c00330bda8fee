import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { METRIC_NAMES, METRICS } from '../../../../../../functions/core/platform/metrics/definitions.ts'
import { withoutComments } from '../../../../../support/imports.ts'

/** Lists the defined metrics that no function’s code names. A metric that CloudWatch counts from the access log is left out. */
const unusedIn = (paths: readonly string[]) => {
  const texts = paths.map(path => withoutComments(path, readFileSync(path, 'utf8')))
  return METRIC_NAMES.filter(name => !('access log' in METRICS[name].sources)).filter(
    name => !texts.some(text => text.includes(`'${name}'`)),
  )
}

const SOURCES = globSync('functions/**/*.ts').filter(path => !path.includes('/platform/metrics/'))

describe('the definitions of metrics', () => {
  it('are each used by a function', () => {
    expect(unusedIn(SOURCES)).toEqual([])
  })

  it('are found by this check if no function uses them (here: the metrics of the sweeper, without its code)', () => {
    expect(unusedIn(SOURCES.filter(path => !path.startsWith('functions/sweeper/')))).toEqual([
      'StaleReservations',
      'WaitingMessages',
    ])
  })

  // The type of `Meter.add` accepts only the names of defined metrics. So a function could count an undefined metric only in
  // another way, which this test finds.
  it('the definitions are complete: no function writes a metric in another way than by `Meter.add`', () => {
    const others = SOURCES.filter(path =>
      /addMetric|powertools\/metrics|CloudWatchMetrics/.test(withoutComments(path, readFileSync(path, 'utf8'))),
    )
    expect(others).toEqual([])
  })

  it('the definitions name for each metric the functions that count it', () => {
    const folders: Readonly<Record<string, readonly string[]>> = {
      RefusedWaits: ['core/lifecycle'],
      Defects: ['core/platform'],
      DroppedSpans: ['core/platform'],
    }
    for (const name of METRIC_NAMES) {
      const sources = Object.keys(METRICS[name].sources).filter(source => source !== 'access log')
      for (const folder of folders[name] ?? sources)
        expect(
          unusedIn(SOURCES.filter(path => path.startsWith(`functions/${folder}/`))),
          `${folder} does not count ${name}`,
        ).not.toContain(name)
    }
  })

  it('the definitions describe each metric in sentences, and give rising buckets to each histogram', () => {
    for (const name of METRIC_NAMES) {
      const { description, kind, buckets } = { buckets: undefined, ...METRICS[name] }
      expect(description, name).toMatch(/^[A-Z].*\.$/)
      expect(buckets !== undefined, name).toBe(kind === 'histogram')
      if (buckets) expect(buckets, name).toEqual([...new Set(buckets)].toSorted((a, b) => a - b))
    }
  })
})
