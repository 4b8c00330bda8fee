import { expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { UNTOUCHED } from '../../../functions/core/flow-control/state.ts'
import { recover } from '../../../lib/recover.ts'
import { NOW } from '../../support/clock.ts'
import { memoryModelStates } from '../../support/memory/model-states.ts'
import { memoryPorts } from '../../support/ports.ts'
import { anItem, aReservation } from '../../support/requests.ts'

const LIMITS = { requests: 1_000, tokens: 100_000, in_flight: 1_000 }
const RUNNING = { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 600_000 } as const
const MAX_WAITS = 50

function aSystem() {
  const memory = memoryPorts()
  const modelStates = memoryModelStates()
  const ended: { users: string[]; total: number }[] = []
  const ports = {
    ...memory,
    models: { text: {}, image: {}, untouched: {} },
    modelStates,
    random: () => 0,
    statusesOf: async (requests: readonly Pick<RequestItem, 'user_id' | 'request_id'>[]) => {
      const items = await Promise.all(requests.map(({ user_id, request_id }) => memory.items.get(user_id, request_id)))
      return new Map(items.flatMap(item => (item ? [[item.request_id, item.status] as const] : [])))
    },
    endAllWaits: async (users: Iterable<string>, total: number) => void ended.push({ users: [...users], total }),
  }
  const given = async (fields: Partial<RequestItem>) => {
    const item = await ports.items.create(anItem(fields))
    await ports.quota.reserve(reservationOf(item), LIMITS, NOW)
    return item
  }
  const stored = ({ user_id, request_id }: RequestItem) => ports.items.get(user_id, request_id)
  return { ports, given, stored, modelStates, ended }
}

it('recover ends the leases of running requests, so they can run again at once, rejects requests that have a reservation but no item, and changes no waiting request', async () => {
  const { ports, given, stored } = aSystem()
  const running = await Promise.all(Array.from({ length: 50 }, () => given(RUNNING)))
  const waiting = await given({ status: 'queued' })
  const orphan = { ...aReservation(), request_id: anItem().request_id }
  await ports.quota.reserve(orphan, LIMITS, NOW)

  expect(await recover(ports, MAX_WAITS)).toBe(50)

  const after = await Promise.all(running.map(stored))
  expect(after.map(item => item?.lease_until)).toEqual(Array(50).fill(NOW))
  expect(await stored(waiting)).toEqual(waiting)
  expect(await ports.items.get(orphan.user_id, orphan.request_id)).toMatchObject({ status: 'rejected' })
  expect(await recover(ports, MAX_WAITS)).toBe(0)
})

it('recover writes into running requests that their workers were stopped, if the earlier run was stopped, so the stop does not count as a crash', async () => {
  const { ports, given, stored } = aSystem()
  const running = await given(RUNNING)

  expect(await recover(ports, MAX_WAITS, true)).toBe(1)

  expect(await stored(running)).toMatchObject({ stopped: true, lease_until: NOW })
})

it('recover ends the leases of a model with concurrency 1 and the lease of its probe, so the next call need not wait for their end, and keeps the circuit and its failures', async () => {
  const { ports, modelStates } = aSystem()
  const call = { id: 'c', since: NOW, until: NOW + 600_000 }
  const open = { until: NOW - 1, times: 3 }
  await modelStates.write('text', { ...UNTOUCHED, version: 1, open, probe: call, leases: { high: call, normal: call } })
  const idle = { ...UNTOUCHED, version: 1, failures: [NOW] }
  await modelStates.write('image', idle)

  await recover(ports, MAX_WAITS)

  const text = await modelStates.read('text')
  expect(text).toMatchObject({ version: 2, open })
  expect(text).not.toHaveProperty('probe')
  expect(text).not.toHaveProperty('leases')
  expect(await modelStates.read('image')).toEqual(idle)
  expect(await modelStates.read('untouched')).toBeUndefined()
})

it('recover ends the wait leases (the rights of calls to wait for a result) of each user with open requests, and those that count for all users together, so new calls may wait', async () => {
  const { ports, given, ended } = aSystem()
  for (const userId of ['a', 'a', 'b']) await given({ ...RUNNING, user_id: userId })

  await recover(ports, MAX_WAITS)

  expect(ended).toEqual([{ users: ['a', 'b'], total: MAX_WAITS }])
})
