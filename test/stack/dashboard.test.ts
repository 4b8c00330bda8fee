import { describe, expect, it } from 'vitest'
import { definitionOf, METRIC_NAMES } from '../../functions/core/platform/metrics/definitions.ts'
import { only } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

/** The body of a dashboard as a text. A value that AWS decides at the deployment is replaced by `?`. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const { 'Fn::Join': join } = (value ?? {}) as { 'Fn::Join'?: [string, unknown[]] }
  return join ? join[1].map(textOf).join(join[0]) : '?'
}

const bodyOf = (pipeline: string) =>
  textOf(only(synthesizeText(pipeline).template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody)

const body = bodyOf(PIPELINE)
/** The body for a pipeline with RabbitMQ. Only with RabbitMQ does Sluice publish the metric WaitingMessages: SQS has a metric of its own for this. */
const bodyWithBroker = bodyOf(PIPELINE.replace('queue: {', 'queue: { backend: rabbitmq,'))

const namesIn = (text: string) => new Set([...text.matchAll(/"([A-Z]\w+)"/g)].map(([, name]) => name))

describe('the dashboard', () => {
  it('shows each metric of Sluice that is a metric in CloudWatch', () => {
    const shown = namesIn(body + bodyWithBroker)
    const missing = METRIC_NAMES.filter(name => {
      const { on_cloudwatch, sources } = definitionOf(name)
      return on_cloudwatch !== 'only in the log' && !('access log' in sources) && !shown.has(name)
    })

    expect(missing).toEqual([])
  })

  it('shows no metric that is only in log lines, and not in CloudWatch', () => {
    const shown = namesIn(body)
    expect(
      METRIC_NAMES.filter(name => definitionOf(name).on_cloudwatch === 'only in the log' && shown.has(name)),
    ).toEqual([])
  })

  it('the dashboard shows the median (p50) and the 99th percentile of a histogram', () => {
    for (const metric of ['ModelLatency', 'TimeToEnd'])
      for (const statistic of ['p50', 'p99']) expect(body).toMatch(new RegExp(`"${metric}"[^\\]]*"${statistic}"`))
  })
})
