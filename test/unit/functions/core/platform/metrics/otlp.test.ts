import { describe, expect, it } from 'vitest'
import { addSamples, familyOf } from '../../../../../../functions/core/platform/metrics/families.ts'
import type { Sample } from '../../../../../../functions/core/platform/metrics/meter.ts'
import { otlpMetrics } from '../../../../../../functions/core/platform/metrics/otlp.ts'
import { createRegistry } from '../../../../../../functions/core/platform/metrics/registry.ts'
import { NOW } from '../../../../../support/clock.ts'

const sampleOf = (name: Sample['name'], ...values: number[]): Sample => ({
  name,
  service: 'shop-worker-text',
  model: 'text',
  values,
})

/** The OTLP export of a registry that has received these samples. */
const sent = (...samples: Sample[]) => {
  const registry = createRegistry(() => NOW)
  addSamples(registry, samples)
  return otlpMetrics(registry, { 'service.name': 'shop' }, NOW + 1_000) as {
    resourceMetrics: { resource: object; scopeMetrics: { metrics: object[] }[] }[]
  }
}
const metricsIn = (body: ReturnType<typeof sent>) => body.resourceMetrics[0]?.scopeMetrics[0]?.metrics

const attributes = (fields: Record<string, string>) =>
  Object.entries(fields).map(([key, stringValue]) => ({ key, value: { stringValue } }))
const TIMES = { startTimeUnixNano: `${NOW}000000`, timeUnixNano: `${NOW + 1_000}000000` }

describe('the export of metrics in OTLP', () => {
  it('has the sum of a counter since the start of the process', () => {
    expect(metricsIn(sent(sampleOf('ModelCalls', 2), sampleOf('ModelCalls', 3)))).toEqual([
      {
        name: 'sluice.model_calls',
        description: 'Calls to the model.',
        unit: '{call}',
        sum: {
          aggregationTemporality: 2,
          isMonotonic: true,
          dataPoints: [
            { attributes: attributes({ service: 'shop-worker-text', model: 'text' }), ...TIMES, asDouble: 5 },
          ],
        },
      },
    ])
  })

  it('the export has the last value of a gauge', () => {
    expect(metricsIn(sent(sampleOf('TimeLeft', 9), sampleOf('TimeLeft', 4)))).toMatchObject([
      { name: 'sluice.time_left', unit: 's', gauge: { dataPoints: [{ asDouble: 4 }] } },
    ])
  })

  it('the export leaves out a gauge that got no value for 5 minutes, since its last value may be outdated', () => {
    let now = NOW
    const registry = createRegistry(() => now)
    addSamples(registry, [sampleOf('TimeLeft', 4)])
    now += 300_000
    addSamples(registry, [sampleOf('ModelCalls', 1)])

    expect(otlpMetrics(registry, {}, now)).toMatchObject({
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'sluice.model_calls' }] }] }],
    })
  })

  it('the export has the buckets of a histogram, and the last bucket counts the values above all bounds', () => {
    expect(metricsIn(sent(sampleOf('BatchSize', 1, 2, 20_000)))).toMatchObject([
      {
        name: 'sluice.batch_size',
        histogram: {
          aggregationTemporality: 2,
          dataPoints: [
            {
              count: '3',
              sum: 20_003,
              explicitBounds: [1, 2, 5, 10, 20, 50, 100, 1_000, 10_000],
              bucketCounts: ['1', '1', '0', '0', '0', '0', '0', '0', '0', '1'],
            },
          ],
        },
      },
    ])
  })

  it('the export has the input and output tokens of a model as one metric, with the name of OpenTelemetry’s conventions for generative AI', () => {
    const tokens = metricsIn(sent(sampleOf('InputTokens', 5), sampleOf('OutputTokens', 70)))

    expect(tokens).toHaveLength(1)
    expect(tokens).toMatchObject([
      {
        name: 'gen_ai.client.token.usage',
        unit: '{token}',
        histogram: {
          dataPoints: [
            { attributes: expect.arrayContaining(attributes({ 'gen_ai.token.type': 'input' })), sum: 5 },
            { attributes: expect.arrayContaining(attributes({ 'gen_ai.token.type': 'output' })), sum: 70 },
          ],
        },
      },
    ])
    expect(familyOf('ModelLatency')).toMatchObject({ name: 'gen_ai.client.operation.duration', unit: 's' })
  })

  it('the export has the name of the deployment as service.name', () => {
    expect(sent(sampleOf('ModelCalls', 1)).resourceMetrics[0]?.resource).toEqual({
      attributes: attributes({ 'service.name': 'shop' }),
    })
  })
})
