import { describe, expect, it } from 'vitest'
import { STALE_RESERVATION_MS } from '../../../../functions/core/domain/timing.ts'
import { reapReservation } from '../../../../functions/core/lifecycle/reap-reservation.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/core/stores/payloads/port.ts'
import type { IntakePorts } from '../../../../functions/intake/ports.ts'
import { takeInput } from '../../../../functions/intake/take-input.ts'
import { failing } from '../../../support/failing.ts'
import { TEXT_QUEUE, usedBy } from '../../../support/gateway.ts'
import { anInput, anIntake } from '../../../support/intake.ts'

const DAY = 86_400_000
const NOTHING = { requests: 0, tokens: 0, open: 0 }

const requestsOf = async ({ items }: IntakePorts, user: string) =>
  (await items.list(user, 100)).items.filter(({ status }) => status !== 'rejected')

type Break = (ports: IntakePorts) => IntakePorts
const both = (what: string, broken: (when: 'before' | 'after') => Break) =>
  (['before', 'after'] as const).map(when => ({ what: `${what}, ${when} its effect`, broken: broken(when) }))

/** Each call that the intake makes for a message that is admitted. The call fails before its effect or after it. */
const ON_ADMISSION = [
  ...both('inputs.bind', when => p => ({ ...p, inputs: failing(p.inputs, 'bind', when) })),
  ...both('users.user', when => p => ({ ...p, users: failing(p.users, 'user', when) })),
  ...both('quota.reserve', when => p => ({ ...p, quota: failing(p.quota, 'reserve', when) })),
  ...both('inputs.admit', when => p => ({ ...p, inputs: failing(p.inputs, 'admit', when) })),
  ...both('payloads.put', when => p => ({ ...p, payloads: failing(p.payloads, 'put', when) })),
  ...both('items.create', when => p => ({ ...p, items: failing(p.items, 'create', when) })),
  ...both('queue.send of the message', when => p => ({
    ...p,
    queue: failing(p.queue, 'send', when, name => name === TEXT_QUEUE),
  })),
]

/** Each call that the intake makes for a message that is refused. The call fails before its effect or after it. */
const ON_REFUSAL = [
  ...both('inputs.refuse', when => p => ({ ...p, inputs: failing(p.inputs, 'refuse', when) })),
  ...both('payloads.put', when => p => ({ ...p, payloads: failing(p.payloads, 'put', when) })),
  ...both('queue.send of the refusal', when => p => ({
    ...p,
    queue: failing(p.queue, 'send', when, name => name === RESULTS_QUEUE),
  })),
]

const LARGE = { prompt: 'x'.repeat(MAX_INLINE_BYTES) }

describe('takeInput: a failed call of the intake', () => {
  it.each(ON_ADMISSION)(
    'lets the message be redelivered, and the second delivery leaves one request: $what',
    async ({ broken }) => {
      const { ports, setUser, reported } = anIntake()
      const input = anInput(LARGE)
      setUser(input.user_id, 'pro', { tokens: 1_000_000 })

      await expect(takeInput(broken(ports), input)).rejects.toThrow(Unavailable)
      await takeInput(ports, input)

      expect(await requestsOf(ports, input.user_id)).toMatchObject([{ status: 'queued' }])
      expect(ports.queue.sent(TEXT_QUEUE).length).toBeGreaterThan(0)
      expect(reported()).toEqual([])
    },
  )

  it.each(ON_ADMISSION)(
    'a failed call of the intake leads to one request, even if the next delivery of the message is a week later: $what',
    async ({ broken }) => {
      const { ports, setUser } = anIntake()
      const input = anInput(LARGE)
      setUser(input.user_id, 'pro', { tokens: 1_000_000 })

      await expect(takeInput(broken(ports), input)).rejects.toThrow(Unavailable)
      ports.advance(7 * DAY)
      for await (const stale of ports.quota.openBefore(ports.clock() - STALE_RESERVATION_MS))
        for (const open of stale) await reapReservation(ports, open, ports.clock())
      await takeInput(ports, input)

      expect(await requestsOf(ports, input.user_id)).toHaveLength(1)
    },
  )

  it.each(ON_REFUSAL)(
    'a failed call lets a refused message be redelivered, and the second delivery refuses it with the same reason: $what',
    async ({ broken }) => {
      const { ports, setUser, reported } = anIntake()
      const input = anInput(LARGE)
      setUser(input.user_id, 'free', { tokens: 1 })

      await expect(takeInput(broken(ports), input)).rejects.toThrow(Unavailable)
      await takeInput(ports, input)

      expect(new Set(reported().map(event => JSON.stringify(event.input))).size).toBe(1)
      expect(await requestsOf(ports, input.user_id)).toEqual([])
    },
  )
})

describe('takeInput: a message for whose request another function writes a tombstone (which rejects the request) during the admission', () => {
  /** An intake. For its first `times` requests, a tombstone exists before their items are written. */
  function takenBack(ports: IntakePorts, times: number): IntakePorts {
    let created = 0
    const create: IntakePorts['items']['create'] = async item => {
      if (created++ < times) await ports.items.create({ ...item, status: 'rejected' })
      return ports.items.create(item)
    }
    return { ...ports, items: { ...ports.items, create } }
  }

  it.each([1, 2])('the message gets another request, even if a tombstone is written %i times', async times => {
    const { ports, reported } = anIntake()
    const input = anInput()

    expect(await takeInput(takenBack(ports, times), input)).toMatchObject({ item: { status: 'queued' } })

    expect(await requestsOf(ports, input.user_id)).toHaveLength(1)
    expect(await usedBy(ports, input.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
    expect(reported()).toEqual([])
  })

  it('the message is redelivered if a tombstone is written three times, and leaves no reservation until the redelivery', async () => {
    const { ports, reported } = anIntake()
    const input = anInput()

    await expect(takeInput(takenBack(ports, 3), input)).rejects.toThrow(Unavailable)

    expect(await usedBy(ports, input.user_id)).toEqual(NOTHING)
    expect(reported()).toEqual([])
    expect(await takeInput(ports, input)).toHaveProperty('item')
  })
})

describe('takeInput: a message that is delivered twice', () => {
  it('becomes one request, which is charged once, even if 20 deliveries run at the same time', async () => {
    const { ports } = anIntake()
    const input = anInput()

    const taken = await Promise.all(Array.from({ length: 20 }, () => takeInput(ports, input)))

    expect(new Set(taken.map(one => ('item' in one ? one.item.request_id : 'refused'))).size).toBe(1)
    expect(await usedBy(ports, input.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
  })

  it('becomes one dead letter, even if 20 deliveries refuse it at the same time', async () => {
    const { ports, setUser, reported } = anIntake()
    const input = anInput()
    setUser(input.user_id, 'free', { tokens: 1 })

    await Promise.all(Array.from({ length: 20 }, () => takeInput(ports, input)))

    expect(new Set(reported().map(event => JSON.stringify(event.input))).size).toBe(1)
  })

  it('a message is refused by all deliveries if one delivery has refused it first, even if another delivery has already made a reservation', async () => {
    const { ports, reported } = anIntake()
    const input = anInput()
    const admit: IntakePorts['inputs']['admit'] = async (...args) => {
      await takeInput(ports, { ...input, given_up: true })
      return ports.inputs.admit(...args)
    }

    expect(await takeInput({ ...ports, inputs: { ...ports.inputs, admit } }, input)).toHaveProperty('refusal')

    expect(reported()).toHaveLength(2)
    expect(await requestsOf(ports, input.user_id)).toEqual([])
    expect(await usedBy(ports, input.user_id)).toEqual(NOTHING)
  })

  it('a message is admitted by all deliveries if one delivery has admitted it first, even if another delivery would refuse it', async () => {
    const { ports, reported } = anIntake()
    const input = anInput()
    const refuse: IntakePorts['inputs']['refuse'] = async (...args) => {
      await takeInput(ports, input)
      return ports.inputs.refuse(...args)
    }
    const poor = { user_id: input.user_id, plan: 'free', overrides: { tokens: 1 } }
    const strict = { ...ports, users: { user: async () => poor }, inputs: { ...ports.inputs, refuse } }

    expect(await takeInput(strict, input)).toHaveProperty('item')

    expect(reported()).toEqual([])
    expect(await requestsOf(ports, input.user_id)).toHaveLength(1)
  })

  it('if an earlier delivery has admitted a message but not written the item, and the quota is used up now, the message is redelivered, not refused', async () => {
    const { ports, setUser, reported } = anIntake()
    const input = anInput()
    const dead = { ...ports, items: failing(ports.items, 'create', 'before') }
    await expect(takeInput(dead, input)).rejects.toThrow(Unavailable)
    setUser(input.user_id, 'free', { in_flight: 1 })
    ports.advance(DAY)
    await takeInput(ports, anInput({ user_id: input.user_id }))

    await expect(takeInput(ports, input)).rejects.toThrow(Unavailable)

    expect(reported()).toEqual([])
  })
})
