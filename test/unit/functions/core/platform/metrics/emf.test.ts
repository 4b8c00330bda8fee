import { describe, expect, it } from 'vitest'
import { emfLines, samplesIn } from '../../../../../../functions/core/platform/metrics/emf.ts'
import { createRecorder } from '../../../../../../functions/core/platform/metrics/recorder.ts'
import { NOW } from '../../../../../support/clock.ts'

const linesOf = (recorder: ReturnType<typeof createRecorder>) =>
  emfLines(recorder.take(), 'Shop', NOW).map(line => JSON.parse(line))

describe('a log line with metrics, in CloudWatch’s embedded metric format', () => {
  it('names the metrics for CloudWatch with their dimensions, and has all other values as plain fields', () => {
    const recorder = createRecorder({ service: 'shop-collector' })
    recorder.add('CompletedRequests', 1, 'text')
    recorder.add('CompletedRequests', 1, 'text')
    recorder.add('QueueWait', 0.5, 'text')
    recorder.add('QueueWait', 2, 'text')
    recorder.add('TimeToEnd', 3, 'text')

    expect(linesOf(recorder)).toEqual([
      {
        _aws: {
          Timestamp: NOW,
          CloudWatchMetrics: [
            {
              Namespace: 'Shop',
              Dimensions: [['service', 'model']],
              Metrics: [{ Name: 'CompletedRequests', Unit: 'Count' }],
            },
            { Namespace: 'Shop', Dimensions: [['service']], Metrics: [{ Name: 'TimeToEnd', Unit: 'Seconds' }] },
          ],
        },
        service: 'shop-collector',
        model: 'text',
        CompletedRequests: 2,
        QueueWait: [0.5, 2],
        TimeToEnd: 3,
      },
    ])
  })

  it('a log line with metrics is written once per model, and once for the metrics without a model', () => {
    const recorder = createRecorder({ service: 'shop-collector' })
    recorder.add('CompletedRequests', 1, 'text')
    recorder.add('FailedRequests', 1, 'image')
    recorder.add('ChargedTokens', 7)

    expect(linesOf(recorder).map(({ model }) => model)).toEqual(['text', 'image', undefined])
  })

  it('a log line has at most 100 values per metric, the limit of CloudWatch, and more values go into further lines', () => {
    const recorder = createRecorder({ service: 'shop-worker-text', model: 'text' })
    for (let value = 0; value < 250; value++) recorder.add('ModelLatency', value)

    const lines = linesOf(recorder)

    expect(lines.map(({ ModelLatency }) => ModelLatency.length)).toEqual([100, 100, 50])
    expect(lines.flatMap(({ ModelLatency }) => ModelLatency)).toEqual(Array.from({ length: 250 }, (_, i) => i))
  })

  it('a log line with metrics begins with the field `_aws`, which distinguishes it from other log lines', () => {
    const recorder = createRecorder({ service: 'shop-gateway' })
    recorder.add('AcceptedRequests', 1)

    expect(emfLines(recorder.take(), 'Shop', NOW)[0]).toMatch(/^\{"_aws":/)
  })

  it('no log line is written if nothing was recorded since the last line', () => {
    const recorder = createRecorder({ service: 'shop-gateway' })
    recorder.add('AcceptedRequests', 1)
    recorder.take()

    expect(linesOf(recorder)).toEqual([])
  })

  it('`samplesIn` reads from a log line the same values that were recorded', () => {
    const recorder = createRecorder({ service: 'shop-worker-text', model: 'text' })
    recorder.add('ModelCalls', 2)
    recorder.add('InputTokens', 3)
    recorder.add('InputTokens', 4)
    const samples = recorder.take()

    expect(emfLines(samples, 'Shop', NOW).flatMap(line => samplesIn(JSON.parse(line)))).toEqual([
      { name: 'ModelCalls', service: 'shop-worker-text', model: 'text', values: [2] },
      { name: 'InputTokens', service: 'shop-worker-text', model: 'text', values: [3, 4] },
    ])
  })

  it.each([{}, { service: 7 }, { service: 'shop', Unknown: 1, ModelCalls: 'many' }])(
    '`samplesIn` reads no value from a log line that has only unknown or wrong fields: %j',
    line => {
      expect(samplesIn(line)).toEqual([])
    },
  )
})
