import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../e2e/support/eventually.ts'
import { type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { checkWithPromtool, needPrometheus, type Prometheus, startPrometheus } from './prometheus.ts'

const REQUESTS = 12

let system: RunningSystem
let prometheus: Prometheus

beforeAll(async () => {
  needPrometheus()
  system = await startSystem({})
  prometheus = await startPrometheus(new URL(system.apiUrl).host)
  const client = await system.newUser()
  for (let i = 0; i < REQUESTS; i++) await client.ended(await client.submit({ prompt: `A calm day, number ${i}.` }))
})
afterAll(async () => {
  await prometheus?.stop()
  await system?.stop()
})

describe('a real Prometheus that reads `/metrics` for a minute', () => {
  it('Prometheus reads the page each second without an error', { timeout: 180_000 }, async () => {
    await eventually(
      async () => expect(await prometheus.query('count_over_time(up{job="sluice"}[5m])')).toBeGreaterThanOrEqual(60),
      { timeout: 170_000 },
    )
    expect(await prometheus.query('min_over_time(up{job="sluice"}[5m])')).toBe(1)
  })

  it('Prometheus answers a query with the number of completed requests', async () => {
    await eventually(async () => expect(await prometheus.query('sum(sluice_completed_requests_total)')).toBe(REQUESTS))
  })

  it('Prometheus answers queries for the waits of requests, the durations of calls, and the tokens', async () => {
    for (const histogram of [
      'sluice_queue_wait_seconds',
      'sluice_time_to_end_seconds',
      'gen_ai_client_operation_duration_seconds',
    ]) {
      expect(await prometheus.query(`sum(${histogram}_count)`), histogram).toBe(REQUESTS)
      expect(
        await prometheus.query(`histogram_quantile(0.5, sum by (le) (${histogram}_bucket))`),
        histogram,
      ).toBeGreaterThan(0)
    }
    expect(await prometheus.query('sum(gen_ai_client_token_usage_count{gen_ai_token_type="input"})')).toBe(REQUESTS)
  })
})

describe('promtool', () => {
  const page = async () => (await fetch(`${system.apiUrl}/metrics`)).text()

  it('promtool finds nothing wrong with `/metrics`', async () => {
    expect(checkWithPromtool(await page())).toEqual({ status: 0, says: '' })
  })

  it('promtool finds a wrong name of a metric in a changed page', async () => {
    const bad = (await page()).replaceAll('sluice_completed_requests_total', 'completedRequests')
    expect(checkWithPromtool(bad).says).toContain('completedRequests')
    expect(checkWithPromtool('a{ 1').status).not.toBe(0)
  })
})
