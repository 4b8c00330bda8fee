import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ALWAYS, IN_TRAFFIC, IN_TROUBLE, PER_MODEL, WITH_BATCH } from '../../../lib/cost/metrics.ts'

const known = new Set([
  ...[ALWAYS, IN_TRAFFIC, IN_TROUBLE].flatMap(group => Object.values(group).flat()),
  ...WITH_BATCH,
  ...PER_MODEL,
])

/** A name of a metric in a source: the argument of `addMetric`, or a value of a table whose names go there. */
const NAME = /addMetric\('(\w+)'|metric: '(\w+)'|'(Deferred\w+)'|'(\w+Requests)'/g

it('the bill knows each custom metric that a function counts', () => {
  const sources = globSync('functions/**/*.ts').map(path => readFileSync(path, 'utf8'))
  const named = sources.flatMap(text => [...text.matchAll(NAME)].map(match => match.slice(1).find(Boolean) ?? ''))
  // A metric filter of the access log counts it, not a function.
  const ofTheStack = ['RefusedCalls']

  expect([...new Set([...named, ...ofTheStack])].sort()).toEqual([...known].sort())
})
