import { describe, expect, it } from 'vitest'
import { metricsOf, sharedCount, troubleMetrics } from '../../../lib/cost/metrics.ts'
import { pipelineWith } from './pipeline.ts'

const aModel = (fields = '') => {
  const { text } = pipelineWith(fields).models
  if (!text) throw new Error('the pipeline has no model')
  return text
}

describe('the bill has the metrics that CloudWatch keeps', () => {
  it('of all models: accepted requests, and the time to the end', () => {
    expect(sharedCount).toBe(2)
  })

  it('per model: the latency of calls, and completed requests', () => {
    expect(metricsOf(aModel())).toBe(2)
  })

  it('per model with batches: also their size', () => {
    expect(metricsOf(aModel('batch: { count: 10, period: 1s }'))).toBe(3)
  })

  it('in trouble: those of a further model are those of its worker, and its failed, cancelled and expired requests', () => {
    expect(troubleMetrics(2) - troubleMetrics(1)).toBe(16 + 3)
  })
})
