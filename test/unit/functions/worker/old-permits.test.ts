import { describe, expect, it } from 'vitest'
import { MIN_LEAD_TIME_MS } from '../../../../functions/core/flow-control/rate-limit.ts'
import type { ModelAnswer } from '../../../../functions/core/inference/port.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { aWorker } from '../../../support/worker.ts'

const circuit = { failures: 1, within_ms: 60_000, open_ms: 30_000 }
const retry = aRetry({ attempts: 3 })
const FAILED = failure({ status: 500 })

/** Ports of a worker, with which `meanwhile` is called before each claim, i.e. before the worker gets the right to run a request. */
const claimingSlowly = (ports: WorkerPorts, meanwhile: () => unknown): WorkerPorts => ({
  ...ports,
  items: {
    ...ports.items,
    claim: async (message, terms) => {
      await meanwhile()
      return ports.items.claim(message, terms)
    },
  },
})

describe('a worker: a permit (for one call to the model) that has become too old', () => {
  it('is requested again before the call, so the request is deferred if the circuit has opened in the meantime', async () => {
    const { ports, asked, aFlowControl, deferred, run } = aWorker(undefined, { circuit, retry })
    const item = await ports.items.create(anItem())
    const slow = claimingSlowly(ports, async () => {
      await aFlowControl().report({ findings: { failures: 1 } })
      ports.advance(1_001)
    })

    await run(item, slow)

    expect(asked).toEqual([])
    expect(deferred()).toHaveLength(1)
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'queued', attempt: 0 })
  })

  it('the old permit of a probe (the one call that tests the model) is still valid', async () => {
    const { ports, asked, aFlowControl, modelStates, run } = aWorker(undefined, { circuit, retry })
    const item = await ports.items.create(anItem())
    await aFlowControl().report({ findings: { failures: 1 } })
    ports.advance(circuit.open_ms)

    await run(
      item,
      claimingSlowly(ports, () => ports.advance(1_001)),
    )

    expect(asked).toHaveLength(1)
    expect((await modelStates.read('text'))?.open).toBeUndefined()
  })

  it('the old permit of a probe (test call) is given up if the model has asked for a pause in the meantime', async () => {
    const { ports, asked, aFlowControl, modelStates, run } = aWorker(undefined, { circuit, retry })
    const item = await ports.items.create(anItem())
    await aFlowControl().report({ findings: { failures: 1 } })
    ports.advance(circuit.open_ms)
    const slow = claimingSlowly(ports, async () => {
      await aFlowControl().report({ findings: 'healthy', pause_until: ports.clock() + 20_000 })
      ports.advance(1_001)
    })

    await run(item, slow)

    expect(asked).toEqual([])
    expect((await modelStates.read('text'))?.probe).toBeUndefined()
  })

  it('a slot is not used for the other requests of a batch if another worker has claimed the request that had it, since that worker may use it', async () => {
    const rateLimit = { count: 1, interval_ms: 4_000 }
    const { ports, asked, deferred, invoke } = aWorker(undefined, { batched: true, rate_limit: rateLimit, retry })
    const [first, second] = [await ports.items.create(anItem()), await ports.items.create(anItem())]
    await ports.flowControl.permit({ until: NOW + 60_000 })
    const message = { ...aMessage(first), hints: { turn: NOW + MIN_LEAD_TIME_MS } }
    const slow = claimingSlowly(ports, () =>
      ports.items.claim(message, { claim_id: 'another', now: NOW, lease_until: NOW + 60_000 }),
    )

    await invoke([message, aMessage(second)], slow)

    expect(asked).toEqual([])
    expect(deferred().map(({ body }) => body)).toContainEqual(
      expect.objectContaining({ request_id: second.request_id, hints: { turn: expect.any(Number) } }),
    )
    expect(await ports.items.get(second.user_id, second.request_id)).toMatchObject({ status: 'queued', attempt: 0 })
  })
})

describe('a worker: a batch that is split', () => {
  it('after its first call, all its requests count as having reached the model, so they are charged, even if a further call does not reach it', async () => {
    const lost: ModelAnswer = { ...FAILED, code: 'model_unreachable', status: undefined, reached: false }
    const answers = [FAILED, lost]
    const { ports, invoke } = aWorker(() => answers.shift() ?? lost, { batched: true, retry })
    const items = [await ports.items.create(anItem()), await ports.items.create(anItem())]

    await invoke(items.map(item => aMessage(item)))

    for (const { user_id, request_id } of items)
      expect(await ports.items.get(user_id, request_id)).toMatchObject({ status: 'queued', reached: true })
  })

  it('a split batch gives its requests a backoff in their items, so an early delivery of a message can’t use its slot again and exceed the rate limit', async () => {
    const refused: ModelAnswer = { ...FAILED, code: 'model_rejected', status: 400 }
    const { ports, invoke } = aWorker(refused, { batched: true, retry })
    const items = await Promise.all(Array.from({ length: 32 }, () => ports.items.create(anItem())))

    await invoke(items.map(item => aMessage(item)))

    const after = await Promise.all(items.map(({ user_id, request_id }) => ports.items.get(user_id, request_id)))
    const waiting = after.filter(item => item?.status === 'queued')
    expect(waiting.length).toBeGreaterThan(0)
    for (const item of waiting) expect(item?.not_before).toBe(NOW + 1_000)
  })
})
