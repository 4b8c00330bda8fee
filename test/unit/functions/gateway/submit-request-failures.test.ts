import { describe, expect, it } from 'vitest'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/core/stores/payloads/port.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aCaller, submit, TEXT_QUEUE, usedBy } from '../../../support/gateway.ts'
import { type MemoryPorts, memoryPorts } from '../../../support/ports.ts'
import { aMessage } from '../../../support/requests.ts'

const NOTHING = { requests: 0, tokens: 0, open: 0 }

/** Each call that the gateway makes for a POST. The call fails either before its effect, or after it (its answer is lost). */
const FAILURES: { call: string; when: 'before' | 'after'; breaking: (ports: MemoryPorts) => MemoryPorts }[] = (
  ['before', 'after'] as const
).flatMap(when => [
  { call: 'quota.reserve', when, breaking: p => ({ ...p, quota: failing(p.quota, 'reserve', when) }) },
  { call: 'payloads.put', when, breaking: p => ({ ...p, payloads: failing(p.payloads, 'put', when) }) },
  { call: 'items.create', when, breaking: p => ({ ...p, items: failing(p.items, 'create', when) }) },
  {
    call: 'queue.send of the message',
    when,
    breaking: p => ({ ...p, queue: failing(p.queue, 'send', when, queue => queue === TEXT_QUEUE) }),
  },
])

describe('submitRequest: a request for which one of the gateway’s calls fails', () => {
  const Large = { prompt: 'x'.repeat(MAX_INLINE_BYTES) }

  it.each(FAILURES)(
    'is refused as unavailable, and leaves no reservation, if $call fails $when its effect (I6)',
    async ({ breaking }) => {
      const ports = memoryPorts()
      const caller = aCaller({ tokens: 1_000_000 })

      await expect(submit(breaking(ports), caller, Large)).rejects.toThrow(Unavailable)

      expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
      const told = ports.queue.sent(RESULTS_QUEUE).map(({ body }) => body as { type: string; status?: string })
      expect(told.at(-1)).toMatchObject({ type: 'ended', status: 'rejected' })
      for (const { body } of ports.queue.sent(TEXT_QUEUE)) {
        const message = InferenceMessage.parse(body)
        const terms = { claim_id: 'c', now: NOW, lease_until: NOW + 1 }
        expect(await ports.items.claim(message, terms)).toMatchObject({ claimed: false, item: { status: 'rejected' } })
      }
    },
  )

  it.each(FAILURES)(
    'if $call fails $when its effect and the tombstone (the item of a rejected request) can’t be written, the sweeper can close what is left',
    async ({ breaking }) => {
      const ports = memoryPorts()
      const caller = aCaller({ tokens: 1_000_000 })
      const broken = breaking(ports)
      const noTakingBack = { ...broken, items: failing(broken.items, 'reject', 'before') }
      const error: unknown = await submit(noTakingBack, caller, Large).catch(thrown => thrown)

      expect(error).toBeInstanceOf(Unavailable)
      const { open } = await ports.quota.read(caller.user_id, '2026-11-23', 0)
      for (const { reservation } of open) {
        const item = await ports.items.get(caller.user_id, reservation.request_id)
        const isHeldByItsRequest = item?.status === 'queued'
        if (!isHeldByItsRequest) expect(item).toBeUndefined()
        // The request item is queued, so the request may still run. So the error tells the client the id of the request.
        else expect(error).toMatchObject({ requestId: reservation.request_id })
      }
    },
  )

  it('a request is accepted if a worker has claimed it before the gateway could reject it', async () => {
    const ports = memoryPorts()
    const create: MemoryPorts['items']['create'] = async item => {
      await ports.items.create(item)
      await ports.items.claim(aMessage(item), { claim_id: 'c', now: NOW, lease_until: NOW + 1 })
      throw new Unavailable('the requests table', 'the answer was lost')
    }

    const { item } = await submit({ ...ports, items: { ...ports.items, create } })

    expect(item).toMatchObject({ status: 'running', attempt: 1 })
    expect(await usedBy(ports, item.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
  })

  it('a request keeps its reservation if the `ended` event of its rejection can’t be sent, so the sweeper finds it and sends the event (rule 4)', async () => {
    const ports = memoryPorts()
    const caller = aCaller()
    const broken = {
      ...ports,
      items: failing(ports.items, 'create', 'before'),
      queue: failing(ports.queue, 'send', 'before', queue => queue === RESULTS_QUEUE),
    }

    await expect(submit(broken, caller)).rejects.toThrow(Unavailable)

    expect(await usedBy(ports, caller.user_id)).toEqual({ requests: 1, tokens: 4, open: 1 })
  })

  it('after a bug of Sluice, the call fails with the bug’s error, and not as unavailable, and leaves no reservation', async () => {
    const ports = memoryPorts()
    const payloads = { ...ports.payloads, put: () => Promise.reject(new TypeError('a bug')) }
    const caller = aCaller({ tokens: 1_000_000 })

    await expect(submit({ ...ports, payloads }, caller, Large)).rejects.toThrow(TypeError)

    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
  })
})
