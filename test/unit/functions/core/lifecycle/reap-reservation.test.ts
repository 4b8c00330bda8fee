import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../../../functions/core/domain/item.ts'
import { reservationOf } from '../../../../../functions/core/domain/item.ts'
import { ITEM_GRACE_MS, STALE_RESERVATION_MS } from '../../../../../functions/core/domain/timing.ts'
import { reapReservation } from '../../../../../functions/core/lifecycle/reap-reservation.ts'
import { NOW } from '../../../../support/clock.ts'
import { failing } from '../../../../support/failing.ts'
import { memoryPorts } from '../../../../support/ports.ts'
import { anItem, aReservation } from '../../../../support/requests.ts'

const LIMITS = { requests: 10, tokens: 1_000, in_flight: 10 }
const LATER = NOW + STALE_RESERVATION_MS

/** Stores a reservation that has been open since NOW, and the item of its request, if one is given. */
async function given(item: RequestItem | undefined, reservation = item ? reservationOf(item) : aReservation()) {
  const ports = memoryPorts()
  if (item) await ports.items.create(item)
  await ports.quota.reserve(reservation, LIMITS, NOW)
  const used = async () => {
    const { requests, tokens, open } = await ports.quota.read(
      reservation.user_id,
      reservation.window,
      reservation.shard,
    )
    return { requests, tokens, open: open.length }
  }
  return {
    ports,
    open: { reservation, at: NOW },
    used,
    told: () => ports.queue.sent('results').map(({ body }) => body),
  }
}

const HELD = { requests: 1, tokens: 10, open: 1 }
const RELEASED = { requests: 0, tokens: 0, open: 0 }

describe('reapReservation: closes a reservation that a crash may have left open', () => {
  it('leaves a young reservation without a request item open, since the item may still be written', async () => {
    const { ports, open, used } = await given(undefined)

    expect(await reapReservation(ports, open, LATER - 1)).toBe(false)
    expect(await used()).toEqual(HELD)
  })

  it('waits longer for a missing item than a worker does, so no worker waits for an item whose request was already rejected', () => {
    expect(STALE_RESERVATION_MS).toBeGreaterThan(ITEM_GRACE_MS)
  })

  it('writes a tombstone (an item with the status `rejected`) for a request that has no item, so no item can be written later, and releases its reservation', async () => {
    const { ports, open, used, told } = await given(undefined)

    expect(await reapReservation(ports, open, LATER)).toBe(true)

    expect(await used()).toEqual(RELEASED)
    expect(told()).toMatchObject([{ type: 'ended', status: 'rejected', request_id: open.reservation.request_id }])
    const late = anItem({ ...open.reservation })
    expect(await ports.items.create(late)).toMatchObject({ status: 'rejected' })
  })

  it.each([
    { status: 'completed', charge: 7, left: { requests: 1, tokens: 7, open: 0 }, events: 0 },
    { status: 'failed', charge: 0, left: { requests: 1, tokens: 0, open: 0 }, events: 1 },
    { status: 'failed', charge: undefined, left: RELEASED, events: 1 },
    { status: 'expired', charge: undefined, left: RELEASED, events: 1 },
    { status: 'cancelled', charge: 3, left: { requests: 1, tokens: 3, open: 0 }, events: 1 },
    { status: 'rejected', charge: undefined, left: RELEASED, events: 1 },
  ] as const)(
    'closes the reservation of a request that is $status with the charge of the item, $charge',
    async ({ status, charge, left, events }) => {
      const { ports, open, used, told } = await given(anItem({ status, charge, completed_at: NOW }))

      expect(await reapReservation(ports, open, LATER)).toBe(true)

      expect(await used()).toEqual(left)
      expect(told()).toHaveLength(events)
    },
  )

  it.each([
    { what: 'is queued', fields: { status: 'queued' } },
    { what: 'waits for the end of a backoff', fields: { status: 'queued', attempt: 1, not_before: LATER + 1 } },
    { what: 'runs', fields: { status: 'running', attempt: 1, lease_until: LATER + 1 } },
    {
      what: 'has an expired lease, but may be claimed again before its deadline',
      fields: { status: 'running', attempt: 1, lease_until: NOW },
    },
    {
      what: 'runs after its deadline, with a lease that still holds',
      fields: { status: 'running', attempt: 1, lease_until: LATER + 1, deadline: NOW },
    },
  ] as const)('leaves a reservation open whose request $what', async ({ fields }) => {
    const item = anItem(fields)
    const { ports, open, used, told } = await given(item)

    expect(await reapReservation(ports, open, LATER)).toBe(false)

    expect(await used()).toEqual(HELD)
    expect(told()).toEqual([])
    expect(await ports.items.get(item.user_id, item.request_id)).toEqual(item)
  })

  it('expires a request that waited past its deadline, and releases its reservation', async () => {
    const item = anItem({ deadline: NOW })
    const { ports, open, used, told } = await given(item)

    expect(await reapReservation(ports, open, LATER)).toBe(true)

    expect(await used()).toEqual(RELEASED)
    expect(told()).toMatchObject([{ type: 'ended', status: 'expired' }])
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'expired' })
  })

  it('fails a running request whose deadline and lease (the time that its worker has) have passed, and charges one request and no tokens', async () => {
    const item = anItem({ status: 'running', attempt: 1, lease_until: NOW, deadline: NOW })
    const { ports, open, used, told } = await given(item)

    expect(await reapReservation(ports, open, LATER)).toBe(true)

    expect(await used()).toEqual({ requests: 1, tokens: 0, open: 0 })
    expect(told()).toMatchObject([{ type: 'ended', status: 'failed', error: { code: 'worker_crashed' } }])
  })

  it.each([
    { what: 'another nonce', other: { nonce: 'twin' } },
    { what: 'another shard', other: { shard: 1 } },
    { what: 'another window', other: { window: '2026-11-22' } },
  ])(
    'releases a reservation that differs from the request item by $what, without a charge (rule 2)',
    async ({ other }) => {
      const item = anItem({ status: 'completed', charge: 7, completed_at: NOW })
      const { ports, open, used } = await given(item, { ...reservationOf(item), ...other })

      expect(await reapReservation(ports, open, LATER)).toBe(true)

      expect(await used()).toEqual(RELEASED)
    },
  )

  it('releases the reservation of an earlier run than the run of the request item', async () => {
    const item = anItem({ status: 'failed', run: 2, charge: 0, completed_at: NOW })
    const { ports, open, used } = await given(item, { ...reservationOf(item), run: 1 })

    expect(await reapReservation(ports, open, LATER)).toBe(true)

    expect(await used()).toEqual(RELEASED)
  })

  it('retires the run of a redrive that has not started it, and then releases the redrive’s reservation (rule 8)', async () => {
    const item = anItem({ status: 'failed', run: 1, charge: 0, completed_at: NOW })
    const redrive = { ...reservationOf(item), run: 2, nonce: 'redrive' }
    const { ports, open, used } = await given(item, redrive)

    expect(await reapReservation(ports, open, LATER)).toBe(true)

    expect(await used()).toEqual(RELEASED)
    expect(await ports.items.redrive(item, { reservation: redrive, deadline: LATER })).toBeUndefined()
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'failed', next_run: 3 })
  })

  it('leaves the reservation of a later run open while the request item is not failed', async () => {
    const item = anItem({ status: 'running', attempt: 1, lease_until: LATER + 1 })
    const { ports, open, used } = await given(item, { ...reservationOf(item), run: 2, nonce: 'redrive' })

    expect(await reapReservation(ports, open, LATER)).toBe(false)
    expect(await used()).toEqual(HELD)
  })

  it('keeps the reservation if the event for the ledger could not be sent, so the next sweep tries again (rule 4)', async () => {
    const { ports, open, used } = await given(anItem({ status: 'expired', completed_at: NOW }))
    const broken = { ...ports, queue: failing(ports.queue, 'send', 'before') }

    await expect(reapReservation(broken, open, LATER)).rejects.toThrow()
    expect(await used()).toEqual(HELD)

    expect(await reapReservation(ports, open, LATER)).toBe(true)
    expect(await used()).toEqual(RELEASED)
  })

  describe('for a request whose model was removed', () => {
    const Removed = ['other']
    const gone = (fields: Partial<RequestItem> = {}) => given(anItem({ model: 'text', deadline: LATER + 1, ...fields }))

    it('fails a queued request at once, without a charge if the model was not reached', async () => {
      const { ports, open, used, told } = await gone()

      expect(await reapReservation(ports, open, LATER, Removed)).toBe(true)

      expect(await used()).toEqual(RELEASED)
      expect(told()).toMatchObject([{ type: 'ended', status: 'failed', error: { code: 'model_removed' } }])
    })

    it('charges one request for a queued request of a removed model if an attempt has reached the model', async () => {
      const { ports, open, used } = await gone({ attempt: 1, reached: true })

      expect(await reapReservation(ports, open, LATER, Removed)).toBe(true)
      expect(await used()).toEqual({ requests: 1, tokens: 0, open: 0 })
    })

    it('does not change a running request of a removed model, since its worker may have sent the outcome', async () => {
      const { ports, open, used } = await gone({ status: 'running', attempt: 1, lease_until: LATER - 1 })

      expect(await reapReservation(ports, open, LATER, Removed)).toBe(false)
      expect(await used()).toEqual(HELD)
    })

    it('does not change a queued request of a removed model before the end of its backoff', async () => {
      const { ports, open } = await gone({ attempt: 1, not_before: LATER + 1 })

      expect(await reapReservation(ports, open, LATER, Removed)).toBe(false)
      expect(await reapReservation(ports, open, LATER + 1, Removed)).toBe(true)
    })

    it('expires a request of a removed model whose deadline has passed, like any other request', async () => {
      const { ports, open, told } = await gone({ deadline: LATER })

      expect(await reapReservation(ports, open, LATER, Removed)).toBe(true)
      expect(told()).toMatchObject([{ status: 'expired' }])
    })

    it('does not change a queued request if the caller gives no list of models, or a list that has its model', async () => {
      const { ports, open } = await gone()

      expect(await reapReservation(ports, open, LATER)).toBe(false)
      expect(await reapReservation(ports, open, LATER, ['text'])).toBe(false)
    })
  })
})
