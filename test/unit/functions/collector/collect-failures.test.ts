import { describe, expect, it, vi } from 'vitest'
import { collect } from '../../../../functions/collector/collect.ts'
import type { CollectorPorts } from '../../../../functions/collector/ports.ts'
import { endedEvent } from '../../../../functions/core/domain/events.ts'
import type { RequestItem } from '../../../../functions/core/domain/item.ts'
import type { EndedEvent } from '../../../../functions/core/domain/messages.ts'
import { Unavailable } from '../../../../functions/core/platform/unavailable.ts'
import type { Entry, Recorded } from '../../../../functions/core/stores/ledger/port.ts'
import { NOW } from '../../../support/clock.ts'
import { aCollector, running, usedBy } from '../../../support/collector.ts'
import { failing } from '../../../support/failing.ts'
import { anAcceptedEvent, anItem, anOutcome } from '../../../support/requests.ts'

describe('collect: a step that fails', () => {
  const steps: { step: string; broken: (ports: CollectorPorts) => CollectorPorts; again: string[] }[] = [
    { step: 'decide', broken: p => ({ ...p, items: failing(p.items, 'decide', 'before') }), again: ['outcome'] },
    {
      step: 'decide, its answer lost',
      broken: p => ({ ...p, items: failing(p.items, 'decide', 'after') }),
      again: ['outcome'],
    },
    {
      step: 'record',
      broken: p => ({ ...p, ledger: failing(p.ledger, 'record', 'before') }),
      again: ['accepted', 'ended', 'outcome'],
    },
    {
      step: 'record, its answer lost',
      broken: p => ({ ...p, ledger: failing(p.ledger, 'record', 'after') }),
      again: ['accepted', 'ended', 'outcome'],
    },
    { step: 'close', broken: p => ({ ...p, quota: failing(p.quota, 'close', 'before') }), again: ['outcome'] },
    {
      step: 'close, its answer lost',
      broken: p => ({ ...p, quota: failing(p.quota, 'close', 'after') }),
      again: ['outcome'],
    },
  ]

  it.each(steps)(
    'a failed step leaves only its own events for a second delivery, which completes them (the step: $step)',
    async ({ broken, again: types }) => {
      const { ports } = aCollector()
      const item = await running(ports)
      const ended = endedEvent(anItem({ status: 'expired', completed_at: NOW })) as EndedEvent
      const events = [anAcceptedEvent(item), anOutcome(item), ended]

      const first = await collect(broken(ports), events)

      expect([...first.failures.keys()].map(({ type }) => type).sort()).toEqual(types)
      expect([...first.failures.values()].every(reason => reason instanceof Unavailable)).toBe(true)
      expect(first.ended).toEqual(types.includes('ended') ? [] : [ended])

      const second = await collect(ports, [...first.failures.keys()])
      expect(second.failures.size).toBe(0)
      expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
    },
  )

  it('the steps are decide, record and settle, in this order, so nobody is charged for a result that can’t be read yet', async () => {
    const { ports } = aCollector()
    const item = await running(ports)
    const calls = [vi.spyOn(ports.items, 'decide'), vi.spyOn(ports.ledger, 'record'), vi.spyOn(ports.quota, 'close')]

    await collect(ports, [anOutcome(item)])

    const order = calls.map(({ mock }) => mock.invocationCallOrder[0] ?? 0)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect(order).not.toContain(0)
  })

  it('if the row of a request can’t be written, its reservation stays open, and the sweeper can still find the request', async () => {
    const { ports } = aCollector()
    const item = await running(ports)

    await collect({ ...ports, ledger: failing(ports.ledger, 'record', 'before') }, [anOutcome(item)])

    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 10, open: 1 })
  })

  it('if Postgres refuses one event, the other events are completed', async () => {
    const { ports } = aCollector()
    const [bad, good] = [await running(ports), await running(ports)]
    const record = async (entries: readonly Entry[]): Promise<Recorded> => ({
      refused: entries
        .filter(({ row }) => row?.request_id === bad.request_id)
        .map(entry => ({ entry, reason: 'SQLState: 22P05' })),
    })

    const { failures, ended } = await collect({ ...ports, ledger: { record } }, [anOutcome(bad), anOutcome(good)])

    expect([...failures.keys()]).toMatchObject([{ request_id: bad.request_id }])
    expect([...failures.values()]).toMatchObject([{ message: expect.stringContaining('22P05') }])
    expect(ended.map(({ request_id }) => request_id)).toEqual([good.request_id])
    expect(await usedBy(ports, good)).toMatchObject({ open: 0 })
    expect(await usedBy(ports, bad)).toMatchObject({ open: 1 })
  })

  it('if the request item of one event can’t be reached, the other events are completed', async () => {
    const { ports } = aCollector()
    const [bad, good] = [await running(ports), await running(ports)]
    const items = failing(ports.items, 'decide', 'before', of => (of as RequestItem).request_id === bad.request_id)

    const { failures, ended } = await collect({ ...ports, items }, [anOutcome(bad), anOutcome(good)])

    expect([...failures.keys()]).toMatchObject([{ request_id: bad.request_id }])
    expect(ended.map(({ request_id }) => request_id)).toEqual([good.request_id])
  })
})
