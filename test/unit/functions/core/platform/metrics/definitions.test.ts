import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { METRIC_NAMES, METRICS } from '../../../../../../functions/core/platform/metrics/definitions.ts'
import { withoutComments } from '../../../../../support/imports.ts'

/** Lists the defined metrics that no function’s code names. CloudWatch counts one metric from the access log. */
const unusedIn = (paths: readonly string[]) => {
  const texts = paths.map(path => withoutComments(path, readFileSync(path, 'utf8')))
  return METRIC_NAMES.filter(name => !('access log' in METRICS[name].sources)).filter(
    name => !texts.some(text => text.includes(`'${name}'`)),
  )
}

const SOURCES = globSync('functions/**/*.ts').filter(path => !path.includes('/platform/metrics/'))

describe('the definitions of metrics', () => {
  it('are all used by a function', () => {
    expect(unusedIn(SOURCES)).toEqual([])
  })

  it('are reported as unused if no function uses them', () => {
    expect(unusedIn(SOURCES.filter(path => !path.startsWith('functions/sweeper/')))).toEqual([
      'StaleReservations',
      'WaitingMessages',
    ])
  })

  // A function can’t count an undefined metric: the type of `Meter.add` accepts no other name.
  it('are the only way to count, since no function writes a metric by other means', () => {
    const others = SOURCES.filter(path =>
      /addMetric|powertools\/metrics|CloudWatchMetrics/.test(withoutComments(path, readFileSync(path, 'utf8'))),
    )
    expect(others).toEqual([])
  })

  it('name the functions that count them', () => {
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

  it('describe each metric in one or two plain sentences, and give each histogram rising buckets', () => {
    for (const name of METRIC_NAMES) {
      const { description, kind, buckets } = { buckets: undefined, ...METRICS[name] }
      expect(description, name).toMatch(/^[A-Z].*\.$/)
      expect(buckets !== undefined, name).toBe(kind === 'histogram')
      if (buckets) expect(buckets, name).toEqual([...new Set(buckets)].toSorted((a, b) => a - b))
    }
  })
})
