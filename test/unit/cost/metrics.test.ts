import { describe, expect, it } from 'vitest'
import { alwaysCount, metricsOf, sharedCount, troubleMetrics } from '../../../lib/cost/metrics.ts'
import { pipelineWith } from './pipeline.ts'

const aModel = (fields = '') => {
  const { text } = pipelineWith(fields).models
  if (!text) throw new Error('the pipeline has no model')
  return text
}

describe('the bill has the metrics that CloudWatch keeps', () => {
  it('without traffic: StaleReservations of the sweeper', () => {
    expect(alwaysCount).toBe(1)
  })

  it('of all models: accepted, reserved, completed, charged, and the time to the end', () => {
    expect(sharedCount).toBe(5)
  })

  it('per model: delivered, calls, latency, time left, and the completed ones of the model', () => {
    expect(metricsOf(aModel())).toBe(5)
  })

  it('per model with batches: also their size', () => {
    expect(metricsOf(aModel('batch: { count: 10, period: 1s }'))).toBe(6)
  })

  it('in trouble: those of a further model are those of its worker, and its failed, cancelled and expired requests', () => {
    expect(troubleMetrics(2) - troubleMetrics(1)).toBe(15 + 3)
  })
})
