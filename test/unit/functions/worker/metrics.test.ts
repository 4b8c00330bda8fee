import { describe, expect, it, vi } from 'vitest'
import { UNTOUCHED } from '../../../../functions/core/flow-control/state.ts'
import type { ModelAnswer } from '../../../../functions/core/inference/port.ts'
import { definitionOf, type MetricName } from '../../../../functions/core/platform/metrics/definitions.ts'
import { NOW } from '../../../support/clock.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { aWorker, SUCCESS, type WorkerSettings } from '../../../support/worker.ts'

const RETRY = aRetry({ attempts: 3 })
const BUSY = failure({ message: 'the model answered 503', status: 503 })

function watched(answer: ModelAnswer, settings: WorkerSettings = {}) {
  const worker = aWorker(answer, settings)
  const warn = vi.fn()
  const ports = { ...worker.ports, logger: { error: () => undefined, info: () => undefined, warn } }
  /** Runs this many requests in one invocation. */
  const serve = async (requests: number) => {
    const items = await Promise.all(Array.from({ length: requests }, () => ports.items.create(anItem())))
    await worker.invoke(
      items.map(item => aMessage(item)),
      ports,
    )
    return items
  }
  /** The sum of each counter, by name. */
  const counted = () => {
    const sums: Record<string, number> = {}
    for (const [name, value] of ports.metrics.add.mock.calls)
      if (definitionOf(name).kind === 'counter') sums[name] = (sums[name] ?? 0) + value
    return sums
  }
  /** The values of a histogram. */
  const measured = (metric: MetricName) =>
    ports.metrics.add.mock.calls.flatMap(([name, value]) => (name === metric ? [value] : []))
  return { ...worker, warn, serve, counted, measured }
}

describe('a worker measures the time left until the deadline, for the request that is nearest to its deadline (TimeLeft),', () => {
  it.each([
    { when: 'a quarter of its time is over', deadline: NOW + 7_500, seconds: [7.5] },
    { when: 'most of its time is over', deadline: NOW + 2_500, seconds: [2.5] },
    { when: 'its deadline is over', deadline: NOW - 2_500, seconds: [0] },
    { when: 'less than a quarter is over, which gives no value', deadline: NOW + 7_501, seconds: [] },
  ])('when $when', async ({ deadline, seconds }) => {
    const { ports, invoke, measured } = watched(SUCCESS)
    const item = await ports.items.create(anItem({ created_at: deadline - 10_000, deadline }))

    await invoke([aMessage(anItem()), aMessage(item)], ports)

    expect(measured('TimeLeft')).toEqual(seconds)
  })
})

describe('a worker: the measured values of a call', () => {
  /** A worker whose model answers after 2.5 s. */
  const slow = (answer: ModelAnswer) => {
    const worker = watched(answer)
    const call: (typeof worker.ports.endpoint)['call'] = async (id, body) => {
      worker.ports.advance(2_500)
      return worker.ports.endpoint.call(id, body)
    }
    const ports = { ...worker.ports, endpoint: { ...worker.ports.endpoint, call } }
    return { ...worker, ports }
  }

  it.each([
    { how: 'succeeds', answer: SUCCESS, tokens: { input: [3], output: [4] } },
    { how: 'fails', answer: BUSY, tokens: { input: [], output: [] } },
  ])(
    'measures a call to the model that $how: its time, and the tokens that the model reports',
    async ({ answer, tokens }) => {
      const { ports, invoke, measured } = slow(answer)
      const item = await ports.items.create(anItem())

      await invoke([aMessage(item)], ports)

      expect(measured('ModelLatency')).toEqual([2.5])
      expect({ input: measured('InputTokens'), output: measured('OutputTokens') }).toEqual(tokens)
    },
  )
})

describe('a worker: counters', () => {
  it('counts the calls to the model', async () => {
    const { serve, counted } = watched(SUCCESS)

    await serve(3)

    expect(counted()).toEqual({ DeliveredRequests: 3, ModelCalls: 3 })
  })

  it('counts the call of a batch once, and measures its number of requests', async () => {
    const { serve, counted, measured } = watched(
      { ok: true, answer: { outputs: [{ result: 'a' }, { result: 'b' }, { result: 'c' }] } },
      { batched: true },
    )

    await serve(3)

    expect(counted()).toEqual({ DeliveredRequests: 3, ModelCalls: 1 })
    expect(measured('BatchSize')).toEqual([3])
  })

  it('counts failed calls and retried requests, and logs the reason of each retry', async () => {
    const { serve, counted, warn } = watched(BUSY, { retry: RETRY })

    const [item] = await serve(1)

    expect(counted()).toEqual({ DeliveredRequests: 1, ModelCalls: 1, FailedCalls: 1, RetriedRequests: 1 })
    const of = { request_id: item?.request_id, user_id: 'u42', model: 'text', attempt: 1 }
    const fields = { ...of, code: 'model_error', status: 503, detail: BUSY.message }
    expect(warn.mock.calls).toEqual([
      ['the model answered 503; the request will be retried', { ...fields, until: '2026-11-23T10:15:01.500Z' }],
    ])
  })

  it('counts no retry after the last attempt', async () => {
    const { serve, counted, warn } = watched(BUSY, { retry: { ...RETRY, attempts: 1 } })

    await serve(1)

    expect(counted()).toEqual({ DeliveredRequests: 1, ModelCalls: 1, FailedCalls: 1 })
    expect(warn).not.toHaveBeenCalled()
  })

  it.each([
    {
      why: 'an open circuit',
      metric: 'DeferredByCircuit',
      settings: { circuit: { failures: 5, within_ms: 60_000, open_ms: 30_000 } },
      state: { open: { until: NOW + 30_000, times: 1 } },
    },
    { why: 'a pause', metric: 'DeferredByPause', settings: {}, state: { paused_until: NOW + 3_000 } },
    {
      why: 'a halt',
      metric: 'DeferredByHalt',
      settings: {},
      state: { halted: { since: NOW, until: NOW + 30_000, times: 1, code: 'model_rejected', reason: 'no key' } },
    },
    {
      why: 'another call, if only one call may run',
      metric: 'DeferredByConcurrency',
      settings: { one_at_a_time: ['normal' as const] },
      state: { leases: { normal: { id: 'l', since: NOW, until: NOW + 90_000 } } },
    },
    {
      why: 'a slot that comes later',
      metric: 'DeferredByRateLimit',
      settings: { rate_limit: { count: 1, interval_ms: 60_000 } },
      state: { calls: [{ from: NOW, count: 1 }] },
    },
  ])('counts requests that are deferred by $why', async ({ metric, settings, state }) => {
    const { serve, counted, modelStates } = watched(SUCCESS, settings)
    await modelStates.write('text', { ...UNTOUCHED, ...state, version: 1 })

    await serve(2)

    expect(counted()).toEqual({ DeliveredRequests: 2, [metric]: 2 })
  })
})
