import { describe, expect, it, vi } from 'vitest'
import { waitForCompletion } from '../../../../../functions/core/lifecycle/wait-for-completion.ts'
import { NOW } from '../../../../support/clock.ts'
import { failing } from '../../../../support/failing.ts'
import { type MemoryPorts, memoryPorts } from '../../../../support/ports.ts'
import { anItem } from '../../../../support/requests.ts'

const PATIENT = { ms: 10_000, beside_others: true }
const RUNNING = { status: 'running', attempt: 1, lease_until: NOW + 60_000 } as const

describe('waitForCompletion', () => {
  it('answers at once for a request that has ended', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem({ status: 'expired', completed_at: NOW }))

    expect(await waitForCompletion(ports, item.user_id, item.request_id, PATIENT)).toMatchObject({ status: 'expired' })
    expect(ports.clock()).toBe(NOW)
  })

  it('answers with the result as soon as it can be read', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem(RUNNING))
    const sleep = async (ms: number) => {
      ports.advance(ms)
      if (ports.clock() < NOW + 3_000) return
      const { user_id, request_id, run, attempt } = item
      await ports.items.decide({ user_id, request_id, run, attempt, status: 'completed', completed_at: NOW, charge: 1 })
      ports.ledger.setResult(request_id, { inline: 'hi' })
    }

    const view = await waitForCompletion({ ...ports, sleep }, item.user_id, item.request_id, PATIENT)

    expect(view).toMatchObject({ status: 'completed', result: 'hi' })
    expect(ports.clock() - NOW).toBeLessThan(5_000)
  })

  it('answers with the result if the ledger can’t be reached for a part of the wait', async () => {
    const ports = memoryPorts()
    const { user_id, request_id, run, attempt } = await ports.items.create(anItem(RUNNING))
    const ledger = failing(ports.ledger, 'result', 'before', () => ports.clock() < NOW + 3_000)
    const waiting = meanwhile(ports, async () => {
      await ports.items.decide({ user_id, request_id, run, attempt, status: 'completed', completed_at: NOW, charge: 1 })
      ports.ledger.setResult(request_id, { inline: 'hi' })
    })

    const view = await waitForCompletion({ ...waiting, ledger }, user_id, request_id, PATIENT)

    expect(view).toMatchObject({ status: 'completed', result: 'hi' })
    expect(ports.clock() - NOW).toBeGreaterThan(3_000)
  })

  it('answers at the end of the wait if the request has not ended by then', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem(RUNNING))

    expect(await waitForCompletion(ports, item.user_id, item.request_id, PATIENT)).toMatchObject({ status: 'running' })
    expect(ports.clock()).toBe(NOW + 10_000)
  })

  it('does not find a request of another user', async () => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem())

    await expect(waitForCompletion(ports, 'another', item.request_id, PATIENT)).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it.each([
    { seconds: 25, reads: 20 },
    { seconds: 10, reads: 12 },
    { seconds: 1, reads: 6 },
  ])('reads the request item $reads times during a wait of $seconds seconds', async ({ seconds, reads }) => {
    const { ports, item } = await withItem()
    const get = vi.spyOn(ports.items, 'get')

    await waitForCompletion(ports, item.user_id, item.request_id, { ms: seconds * 1_000, beside_others: true })

    expect(get).toHaveBeenCalledTimes(reads)
  })

  it('does not read the ledger while the request is running', async () => {
    const { ports, item } = await withItem()
    const result = vi.spyOn(ports.ledger, 'result')

    await waitForCompletion(ports, item.user_id, item.request_id, PATIENT)

    expect(result).not.toHaveBeenCalled()
  })
})

/** Ports with a running request. */
async function withItem(limits = { per_user: 2, total: 3 }) {
  const all = memoryPorts()
  const ports = { ...all, waiting: { ...all.waiting, limits } }
  return { ports, item: await ports.items.create(anItem(RUNNING)) }
}

/** Ports with which `happen` is called when a waiting call sleeps for the first time. */
const meanwhile = (ports: MemoryPorts, happen: () => Promise<void>): MemoryPorts => {
  let hasHappened = false
  const sleep = async (ms: number) => {
    if (!hasHappened) {
      hasHappened = true
      await happen()
    }
    ports.advance(ms)
  }
  return { ...ports, sleep }
}

describe('a wait and its lease', () => {
  it('a wait holds a lease (one of a limited number of places for calls that wait), and releases it at its end', async () => {
    const { ports, item } = await withItem()
    let held = 0
    const waiting = meanwhile(ports, async () => {
      held = ports.waiting.leases.held()
    })

    await waitForCompletion(waiting, item.user_id, item.request_id, PATIENT)

    expect(held).toBe(1)
    expect(ports.waiting.leases.held()).toBe(0)
  })

  it('a call goes on waiting during an outage, fails if the outage lasts until the end of the wait, and then releases its lease', async () => {
    const { ports, item } = await withItem()
    let looks = 0
    const items = failing(ports.items, 'get', 'before', () => ++looks > 1)

    await expect(waitForCompletion({ ...ports, items }, item.user_id, item.request_id, PATIENT)).rejects.toThrow(
      'unavailable',
    )

    expect(ports.clock()).toBe(NOW + PATIENT.ms)
    expect(ports.waiting.leases.held()).toBe(0)
  })

  it('a call that fails by a defect fails at once, and releases its lease', async () => {
    const { ports, item } = await withItem()
    const get = vi.spyOn(ports.items, 'get')
    const waiting = meanwhile(ports, async () => {
      get.mockRejectedValueOnce(new Error('a bug'))
    })

    await expect(waitForCompletion(waiting, item.user_id, item.request_id, PATIENT)).rejects.toThrow('a bug')

    expect(ports.clock()).toBeLessThan(NOW + 1_000)
    expect(ports.waiting.leases.held()).toBe(0)
  })

  it('a call is answered at once, and counted in RefusedWaits, if the user’s calls hold as many leases as allowed', async () => {
    const { ports, item } = await withItem({ per_user: 1, total: 3 })
    const waiting = meanwhile(ports, async () => {
      expect(await waitForCompletion(ports, item.user_id, item.request_id, PATIENT)).toMatchObject({
        status: 'running',
      })
      expect(ports.clock()).toBe(NOW)
    })

    await waitForCompletion(waiting, item.user_id, item.request_id, PATIENT)

    expect(ports.clock()).toBe(NOW + 10_000)
    expect(ports.metrics.add.mock.calls).toEqual([['RefusedWaits', 1]])
  })

  it.each([
    { who: 'the second call repeats the POST', beside_others: false, ends_at: NOW },
    { who: 'the second call is a GET', beside_others: true, ends_at: NOW + 10_000 },
  ])(
    'a second call waits for the same request only if it is a GET, and not a repeated POST ($who)',
    async ({ beside_others, ends_at }) => {
      const { ports, item } = await withItem()
      let answeredAt = 0
      const waiting = meanwhile(ports, async () => {
        await waitForCompletion(ports, item.user_id, item.request_id, { ...PATIENT, beside_others })
        answeredAt = ports.clock()
      })

      await waitForCompletion(waiting, item.user_id, item.request_id, PATIENT)

      expect(answeredAt).toBe(ends_at)
    },
  )

  it.each([
    { what: 'a request that has ended', ms: 10_000, fields: { status: 'expired', completed_at: NOW } as const },
    { what: 'a wait of less than two seconds', ms: 1_999, fields: RUNNING },
    { what: 'a call without a wait', ms: 0, fields: RUNNING },
  ])('a lease is not taken for $what', async ({ ms, fields }) => {
    const ports = memoryPorts()
    const item = await ports.items.create(anItem(fields))
    const acquire = vi.spyOn(ports.waiting.leases, 'acquire')

    await waitForCompletion(ports, item.user_id, item.request_id, { ms, beside_others: true })

    expect(acquire).not.toHaveBeenCalled()
    expect(ports.clock()).toBe(NOW + (fields === RUNNING ? ms : 0))
  })

  it.each(['before', 'after'] as const)(
    'a call is answered at once, and without an error, if the table of wait leases fails %s a lease is written',
    async when => {
      const { ports, item } = await withItem()
      const waiting = { ...ports.waiting, leases: failing(ports.waiting.leases, 'acquire', when) }

      const view = await waitForCompletion({ ...ports, waiting }, item.user_id, item.request_id, PATIENT)

      expect(view).toMatchObject({ status: 'running' })
      expect(ports.clock()).toBe(NOW)
      expect(ports.logger.warn).toHaveBeenCalledOnce()
    },
  )

  it('a lease that could not be released ends by itself, five seconds after the end of the wait', async () => {
    const { ports, item } = await withItem({ per_user: 1, total: 1 })
    const waiting = { ...ports.waiting, leases: failing(ports.waiting.leases, 'release', 'before') }

    expect(await waitForCompletion({ ...ports, waiting }, item.user_id, item.request_id, PATIENT)).toMatchObject({
      status: 'running',
    })

    expect(ports.logger.warn).toHaveBeenCalledOnce()
    await waitForCompletion(ports, item.user_id, item.request_id, PATIENT)
    expect(ports.clock()).toBe(NOW + 10_000)
    ports.advance(5_000)
    await waitForCompletion(ports, item.user_id, item.request_id, PATIENT)
    expect(ports.clock()).toBe(NOW + 25_000)
  })
})
