import { describe, expect, it } from 'vitest'
import { METRIC_NAMES } from '../../../functions/core/platform/metrics/definitions.ts'
import { familyOf } from '../../../functions/core/platform/metrics/families.ts'
import { createRegistry } from '../../../functions/core/platform/metrics/registry.ts'
import { LOCAL_FAMILIES } from '../../../lib/metrics/local-families.ts'
import { createLocalMetrics } from '../../../lib/metrics/local-metrics.ts'
import { prometheusName, prometheusText } from '../../../lib/metrics/prometheus.ts'
import { NOW } from '../../support/clock.ts'

const emf = (fields: object) => JSON.stringify({ _aws: { Timestamp: NOW, CloudWatchMetrics: [] }, ...fields })

/** The text of `/metrics` after functions have written these log lines. */
const pageAfter = (...lines: string[]) => {
  const { observer, registry } = createLocalMetrics(() => NOW)
  for (const line of lines) observer.metrics(line)
  return prometheusText(registry)
}

describe('the page /metrics of the local system', () => {
  it('the page /metrics adds up the counters of all log lines, per service and model', () => {
    const page = pageAfter(
      emf({ service: 'shop-collector', model: 'text', CompletedRequests: 2 }),
      emf({ service: 'shop-collector', model: 'image', CompletedRequests: 1 }),
      emf({ service: 'shop-collector', model: 'text', CompletedRequests: 3 }),
    )

    expect(page).toBe(
      [
        '# HELP sluice_completed_requests_total Requests that have completed.',
        '# TYPE sluice_completed_requests_total counter',
        'sluice_completed_requests_total{service="shop-collector",model="text"} 5',
        'sluice_completed_requests_total{service="shop-collector",model="image"} 1',
        '',
      ].join('\n'),
    )
  })

  it('the page /metrics has histograms whose buckets count all values up to their upper bound', () => {
    const page = pageAfter(emf({ service: 'shop-worker-text', model: 'text', BatchSize: [1, 3, 20_000] }))

    expect(page.split('\n').filter(line => !line.startsWith('#'))).toEqual([
      ...[
        ['1', 1],
        ['2', 1],
        ['5', 2],
        ['10', 2],
        ['20', 2],
        ['50', 2],
        ['100', 2],
        ['1000', 2],
        ['10000', 2],
        ['+Inf', 3],
      ].map(([le, count]) => `sluice_batch_size_bucket{service="shop-worker-text",model="text",le="${le}"} ${count}`),
      'sluice_batch_size_sum{service="shop-worker-text",model="text"} 20004',
      'sluice_batch_size_count{service="shop-worker-text",model="text"} 3',
      '',
    ])
  })

  it('the page /metrics has one header for all series of one metric', () => {
    const page = pageAfter(emf({ service: 'shop-worker-text', model: 'text', InputTokens: 3, OutputTokens: 4 }))

    expect(page.match(/^# TYPE gen_ai_client_token_usage histogram$/gm)).toHaveLength(1)
    expect(page).toContain(
      'gen_ai_client_token_usage_sum{service="shop-worker-text",model="text",gen_ai_token_type="input"} 3',
    )
    expect(page).toContain(
      'gen_ai_client_token_usage_sum{service="shop-worker-text",model="text",gen_ai_token_type="output"} 4',
    )
  })

  it('the page /metrics has the number of messages per queue, and counts invocations and received messages', () => {
    const { observer, registry, note } = createLocalMetrics(() => NOW)
    observer.answered(202)
    observer.invoked({ functionName: 'f', service: 'gateway', ok: true, throttled: false })
    observer.invoked({ functionName: 'f', service: 'gateway', ok: false, throttled: false })
    // A throttled event did not run, so it is not counted as an invocation.
    observer.invoked({ functionName: 'f', service: 'gateway', ok: false, throttled: true })
    observer.received('shop-results', 4)
    note([
      { name: 'shop-results', waiting: 2, oldest_sent_at: NOW - 1_500 },
      { name: 'shop-results-dead', waiting: 0 },
    ])

    expect(
      prometheusText(registry)
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('#')),
    ).toEqual([
      'sluice_api_answers_total{status="202"} 1',
      'sluice_function_invocations_total{service="gateway"} 2',
      'sluice_function_errors_total{service="gateway"} 1',
      'sluice_queue_received_messages_total{queue="shop-results"} 4',
      'sluice_queue_messages{queue="shop-results"} 2',
      'sluice_queue_messages{queue="shop-results-dead"} 0',
      'sluice_queue_oldest_message_seconds{queue="shop-results"} 1.5',
      'sluice_queue_oldest_message_seconds{queue="shop-results-dead"} 0',
    ])
  })

  it('the page /metrics leaves out a gauge that got no value for 5 minutes, until the gauge gets a new value', () => {
    let now = NOW
    const { observer, registry } = createLocalMetrics(() => now)
    const worker = { service: 'shop-worker-text', model: 'text' }
    const values = () =>
      prometheusText(registry)
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('#'))
    const labels = '{service="shop-worker-text",model="text"}'
    observer.metrics(emf({ ...worker, ModelCalls: 1, TimeLeft: 4 }))

    now += 299_999
    expect(values()).toEqual([`sluice_time_left_seconds${labels} 4`, `sluice_model_calls_total${labels} 1`])
    now += 1
    expect(values()).toEqual([`sluice_model_calls_total${labels} 1`])
    observer.metrics(emf({ ...worker, TimeLeft: 9 }))
    expect(values()).toEqual([`sluice_time_left_seconds${labels} 9`, `sluice_model_calls_total${labels} 1`])
  })

  it('the page /metrics escapes the characters that the Prometheus format requires', () => {
    const registry = createRegistry(() => NOW)
    const family = { name: 'a.b', kind: 'gauge', unit: '{thing}', description: 'One\\two\nthree' } as const
    registry.add(family, { label: 'a"b\\c\nd' }, [1])

    expect(prometheusText(registry)).toBe(
      '# HELP a_b One\\\\two\\nthree\n# TYPE a_b gauge\na_b{label="a\\"b\\\\c\\nd"} 1\n',
    )
  })

  it.each(['not JSON', '[]', 'null', '{}'])('the page /metrics ignores a log line that is %s', line => {
    expect(pageAfter(line)).toBe('\n')
  })

  it('the page /metrics gives different metrics different names, except metrics that are series of one OpenTelemetry metric', () => {
    const names = [...METRIC_NAMES.map(familyOf), ...Object.values(LOCAL_FAMILIES)].map(prometheusName)
    const twice = names.filter((name, i) => names.indexOf(name) !== i)

    expect(twice).toEqual(['gen_ai_client_token_usage'])
  })
})
