import { describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../../../functions/core/domain/item.ts'
import { recoverRequest } from '../../../../../functions/core/lifecycle/recover-request.ts'
import { NOW } from '../../../../support/clock.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { anItem, aReservation } from '../../../../support/requests.ts'

const LIMITS = { requests: 10, tokens: 1_000, in_flight: 10 }

/** Stores a reservation that has just been made, and the item of its request, if one is given. */
async function given(item: RequestItem | undefined, reservation = item ? reservationOf(item) : aReservation()) {
  const ports = memoryPorts()
  if (item) await ports.items.create(item)
  await ports.quota.reserve(reservation, LIMITS, NOW)
  const { user_id, request_id, window, shard } = reservation
  return {
    recover: (wasStopped = false) => recoverRequest(ports, { reservation, at: NOW }, NOW, wasStopped),
    stored: () => ports.items.get(user_id, request_id),
    open: async () => (await ports.quota.read(user_id, window, shard)).open.length,
    told: () => ports.queue.sent('results').map(({ body }) => body),
  }
}

const RUNNING = { status: 'running', attempt: 1, started_at: NOW - 5_000, lease_until: NOW + 600_000 } as const

describe('recoverRequest: at the start of the local system, ends the lease of an earlier run, so another worker may run the request at once,', () => {
  it('ends the lease of a running request, and keeps its reservation open', async () => {
    const item = anItem(RUNNING)
    const { recover, stored, open, told } = await given(item)

    expect(await recover()).toBe('lease ended')

    expect(await stored()).toEqual({ ...item, lease_until: NOW })
    expect([await open(), told()]).toEqual([1, []])
  })

  it.each([RUNNING, { ...RUNNING, lease_until: NOW - 1 }])(
    'after an orderly stop of the system, notes in a running request that its worker was stopped, so this counts as no crash (lease until $lease_until)',
    async fields => {
      const item = anItem(fields)
      const { recover, stored, open } = await given(item)

      expect(await recover(true)).toBe('lease ended')
      expect(await recover(true)).toBe('nothing')

      expect(await stored()).toEqual({ ...item, lease_until: NOW, stopped: true })
      expect(await open()).toBe(1)
    },
  )

  it('rejects a request that has no item, although its reservation is less than a second old, since no function runs that could still write the item', async () => {
    const { recover, stored, open, told } = await given(undefined)

    expect(await recover()).toBe('rejected')

    expect(await stored()).toMatchObject({ status: 'rejected' })
    expect(await open()).toBe(0)
    expect(told()).toMatchObject([{ type: 'ended', status: 'rejected' }])
  })

  it.each([
    { what: 'is queued', item: { status: 'queued' } },
    { what: 'waits for the end of a backoff', item: { status: 'queued', attempt: 1, not_before: NOW + 5_000 } },
    { what: 'has ended', item: { status: 'completed', attempt: 1, completed_at: NOW, charge: 7 } },
    { what: 'has failed', item: { status: 'failed', attempt: 1, completed_at: NOW, charge: 0 } },
    { what: 'has an expired lease', item: { ...RUNNING, lease_until: NOW - 1 } },
  ] as const)('does not change a request that $what', async ({ item: fields }) => {
    const item = anItem(fields)
    const { recover, stored, open, told } = await given(item)

    expect(await recover()).toBe('nothing')

    expect([await stored(), await open(), told()]).toEqual([item, 1, []])
  })

  it('keeps a reservation whose nonce (id) differs from the request item, which the sweeper closes later', async () => {
    const item = anItem(RUNNING)
    const { recover, stored, open } = await given(item, { ...reservationOf(item), nonce: 'of another try' })

    expect(await recover()).toBe('nothing')

    expect([await stored(), await open()]).toEqual([item, 1])
  })

  it('changes nothing when it runs a second time', async () => {
    const { recover, stored, open } = await given(anItem(RUNNING))
    await recover()
    const before = await stored()

    expect(await recover()).toBe('nothing')

    expect([await stored(), await open()]).toEqual([before, 1])
  })
})
