import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { METRIC_NAMES } from '../../../functions/core/platform/metrics/definitions.ts'
import { metricsReference } from '../../../lib/metrics/reference.ts'

it('docs/metrics.md is the same as the page that the definitions of the metrics generate', () => {
  expect(readFileSync('docs/metrics.md', 'utf8'), 'run `npm run generate`').toBe(metricsReference())
})

it('docs/metrics.md has each metric in one row', () => {
  const rows = metricsReference()
    .split('\n')
    .filter(line => line.startsWith('| `'))
  for (const name of METRIC_NAMES)
    expect(
      rows.filter(row => row.startsWith(`| \`${name}\` |`)),
      name,
    ).toHaveLength(1)
})
