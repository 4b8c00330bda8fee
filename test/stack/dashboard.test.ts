import { describe, expect, it } from 'vitest'
import { definitionOf, METRIC_NAMES } from '../../functions/core/platform/metrics/definitions.ts'
import { only } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

/** The texts of a dashboard’s body. The values that AWS decides are left out. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const { 'Fn::Join': join } = (value ?? {}) as { 'Fn::Join'?: [string, unknown[]] }
  return join ? join[1].map(textOf).join(join[0]) : '?'
}

const bodyOf = (pipeline: string) =>
  textOf(only(synthesizeText(pipeline).template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody)

const body = bodyOf(PIPELINE)
/** CloudWatch has the number of waiting messages only for SQS. */
const bodyWithBroker = bodyOf(PIPELINE.replace('queue: {', 'queue: { backend: rabbitmq,'))

const namesIn = (text: string) => new Set([...text.matchAll(/"([A-Z]\w+)"/g)].map(([, name]) => name))

describe('the dashboard', () => {
  it('shows each metric of Sluice that CloudWatch has', () => {
    const shown = namesIn(body + bodyWithBroker)
    const missing = METRIC_NAMES.filter(name => {
      const { on_cloudwatch, sources } = definitionOf(name)
      return on_cloudwatch !== 'only in the log' && !('access log' in sources) && !shown.has(name)
    })

    expect(missing).toEqual([])
  })

  it('shows no metric that only the log has', () => {
    const shown = namesIn(body)
    expect(
      METRIC_NAMES.filter(name => definitionOf(name).on_cloudwatch === 'only in the log' && shown.has(name)),
    ).toEqual([])
  })

  it('shows the median and the slowest values of a histogram', () => {
    for (const metric of ['ModelLatency', 'TimeToEnd'])
      for (const statistic of ['p50', 'p99']) expect(body).toMatch(new RegExp(`"${metric}"[^\\]]*"${statistic}"`))
  })
})
