import { describe, expect, it } from 'vitest'
import { metricsOf, sharedCount, troubleMetrics } from '../../../lib/cost/metrics.ts'
import { pipelineWith } from './pipeline.ts'

const aModel = (fields = '') => {
  const { text } = pipelineWith(fields).models
  if (!text) throw new Error('the pipeline has no model')
  return text
}

describe('the custom metrics in the bill', () => {
  it('the custom metrics in the bill are two for all models together: accepted requests, and the time to the end', () => {
    expect(sharedCount).toBe(2)
  })

  it('the custom metrics in the bill are two per model: the latency of calls, and completed requests', () => {
    expect(metricsOf(aModel())).toBe(2)
  })

  it('the custom metrics in the bill are three per model with batches: also the size of batches', () => {
    expect(metricsOf(aModel('batch: { count: 10, period: 1s }'))).toBe(3)
  })

  it('the custom metrics in the bill are 19 more for each further model with failing calls: 16 of its worker, and three for its failed, cancelled and expired requests', () => {
    expect(troubleMetrics(2) - troubleMetrics(1)).toBe(16 + 3)
  })
})
