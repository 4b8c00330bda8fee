import { describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../../../functions/core/domain/item.ts'
import { recoverRequest } from '../../../../../functions/core/lifecycle/recover-request.ts'
import { NOW } from '../../../../support/clock.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { anItem, aReservation } from '../../../../support/requests.ts'

const LIMITS = { requests: 10, tokens: 1_000, in_flight: 10 }

/** A reservation that has just been made, and the item of its request, if there is one. */
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

describe('recoverRequest', () => {
  it('ends the lease of a running request, and leaves its reservation', async () => {
    const item = anItem(RUNNING)
    const { recover, stored, open, told } = await given(item)

    expect(await recover()).toBe('lease ended')

    expect(await stored()).toEqual({ ...item, lease_until: NOW })
    expect([await open(), told()]).toEqual([1, []])
  })

  it.each([RUNNING, { ...RUNNING, lease_until: NOW - 1 }])(
    'notes in a running request that its worker was stopped, also after its lease ($lease_until)',
    async fields => {
      const item = anItem(fields)
      const { recover, stored, open } = await given(item)

      expect(await recover(true)).toBe('lease ended')
      expect(await recover(true)).toBe('nothing')

      expect(await stored()).toEqual({ ...item, lease_until: NOW, stopped: true })
      expect(await open()).toBe(1)
    },
  )

  it('rejects a request that was never written, although its reservation is less than a second old', async () => {
    const { recover, stored, open, told } = await given(undefined)

    expect(await recover()).toBe('rejected')

    expect(await stored()).toMatchObject({ status: 'rejected' })
    expect(await open()).toBe(0)
    expect(told()).toMatchObject([{ type: 'ended', status: 'rejected' }])
  })

  it.each([
    { what: 'waits', item: { status: 'queued' } },
    { what: 'waits for a retry', item: { status: 'queued', attempt: 1, not_before: NOW + 5_000 } },
    { what: 'has ended', item: { status: 'completed', attempt: 1, completed_at: NOW, charge: 7 } },
    { what: 'has failed', item: { status: 'failed', attempt: 1, completed_at: NOW, charge: 0 } },
    { what: 'ran past its lease', item: { ...RUNNING, lease_until: NOW - 1 } },
  ] as const)('leaves a request that $what to its message', async ({ item: fields }) => {
    const item = anItem(fields)
    const { recover, stored, open, told } = await given(item)

    expect(await recover()).toBe('nothing')

    expect([await stored(), await open(), told()]).toEqual([item, 1, []])
  })

  it('leaves a reservation that is not the reservation of the item to the sweeper', async () => {
    const item = anItem(RUNNING)
    const { recover, stored, open } = await given(item, { ...reservationOf(item), nonce: 'of another try' })

    expect(await recover()).toBe('nothing')

    expect([await stored(), await open()]).toEqual([item, 1])
  })

  it('gives the same result when it runs twice', async () => {
    const { recover, stored, open } = await given(anItem(RUNNING))
    await recover()
    const before = await stored()

    expect(await recover()).toBe('nothing')

    expect([await stored(), await open()]).toEqual([before, 1])
  })
})
