import { describe, expect, it, vi } from 'vitest'
import { collect } from '../../../../functions/collector/collect.ts'
import type { CollectorPorts } from '../../../../functions/collector/ports.ts'
import type { Entry, Recorded } from '../../../../functions/ledger/port.ts'
import { Unavailable } from '../../../../functions/platform/unavailable.ts'
import { endedEvent } from '../../../../functions/requests/events.ts'
import type { RequestItem } from '../../../../functions/requests/item.ts'
import { reservationOf } from '../../../../functions/requests/item.ts'
import type { EndedEvent, OutcomeEvent } from '../../../../functions/requests/messages.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { type MemoryPorts, memoryPorts } from '../../../support/ports.ts'
import { aMessage, anAcceptedEvent, anItem, anOutcome, newUser } from '../../../support/requests.ts'

const LIMITS = { requests: 99, tokens: 9_999, in_flight: 99 }

/** A ledger that keeps the batches that it was given. */
function recordingLedger() {
  const batches: (readonly Entry[])[] = []
  const record = async (entries: readonly Entry[]): Promise<Recorded> => {
    batches.push(entries)
    return { refused: [] }
  }
  return { batches, record }
}

/** A collector, and requests that a worker runs. */
function aCollector() {
  const memory = memoryPorts()
  const ledger = recordingLedger()
  const ports = { ...memory, ledger }
  return { ports, ledger, entries: () => ledger.batches.flat() }
}

async function running(ports: MemoryPorts, fields: Partial<RequestItem> = {}): Promise<RequestItem> {
  const item = anItem({
    user_id: newUser(),
    status: 'running',
    attempt: 1,
    started_at: NOW,
    lease_until: NOW + 60_000,
    ...fields,
  })
  await ports.quota.reserve(reservationOf(item), LIMITS, NOW)
  return ports.items.create(item)
}
const usedBy = async ({ quota }: Pick<MemoryPorts, 'quota'>, item: RequestItem) => {
  const { requests, tokens, open } = await quota.read(item.user_id, item.window, item.shard)
  return { requests, tokens, open: open.length }
}
const failure = (item: RequestItem, fields: Partial<OutcomeEvent> = {}): OutcomeEvent =>
  anOutcome(item, {
    status: 'failed',
    result: undefined,
    usage: undefined,
    error: { code: 'model_error', message: 'm' },
    message: aMessage(item),
    ...fields,
  })

describe('collect: the charging rule', () => {
  it.each([
    { what: 'a success costs what the model reported', fields: {}, tokens: 7, requests: 1 },
    { what: 'a success without a report costs its estimate', fields: { usage: undefined }, tokens: 10, requests: 1 },
    { what: 'a success may cost more than its estimate', fields: { usage: usage(500) }, tokens: 500, requests: 1 },
    { what: 'a success may cost nothing', fields: { usage: usage(0) }, tokens: 0, requests: 1 },
  ])('$what', async ({ fields, tokens, requests }) => {
    const { ports } = aCollector()
    const item = await running(ports)

    await collect(ports, [anOutcome(item, fields)])

    expect(await usedBy(ports, item)).toEqual({ requests, tokens, open: 0 })
  })

  it.each([
    { what: 'a failure costs a request and no tokens', fields: {}, tokens: 0, requests: 1 },
    { what: 'a failure costs the tokens that the model reported', fields: { usage: usage(9) }, tokens: 9, requests: 1 },
    { what: 'what never reached the model costs nothing', fields: { reached: false }, tokens: 0, requests: 0 },
  ])('$what', async ({ fields, tokens, requests }) => {
    const { ports } = aCollector()
    const item = await running(ports)

    await collect(ports, [failure(item, fields)])

    expect(await usedBy(ports, item)).toEqual({ requests, tokens, open: 0 })
  })
})

describe('collect: what it records', () => {
  it('is a row of an accepted request, before anything is decided', async () => {
    const { ports, entries } = aCollector()
    const item = anItem({ metadata: { tag: 'x' } })

    const { ended } = await collect(ports, [anAcceptedEvent(item)])

    expect(ended).toEqual([])
    expect(entries()).toMatchObject([
      {
        row: {
          request_id: item.request_id,
          status: 'queued',
          attempts: 0,
          prompt: { inline: 'hello' },
          metadata: { tag: 'x' },
        },
      },
    ])
  })

  it('is the item’s own word of a success, and only the result of the message’s (rule 9)', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports, { started_at: NOW - 5 })

    const { again, ended } = await collect(ports, [anOutcome(item)])

    expect(again.size).toBe(0)
    expect(ended).toMatchObject([{ request_id: item.request_id, status: 'completed' }])
    expect(entries()).toMatchObject([
      {
        row: {
          status: 'completed',
          attempts: 1,
          started_at: NOW - 5,
          completed_at: NOW + 2_000,
          usage: { total_tokens: 7 },
          result: { inline: { text: 'hi' } },
        },
      },
    ])
    expect(entries()[0]?.deadLetter).toBeUndefined()
  })

  it('is a dead letter of a failure, with what was to be run (I10)', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports)

    await collect(ports, [failure(item)])

    expect(entries()).toMatchObject([
      {
        row: { status: 'failed', error: { code: 'model_error' } },
        deadLetter: {
          id: `${item.request_id}:1`,
          reason: 'model_error',
          attempts: 1,
          message: { request_id: item.request_id },
          at: NOW + 2_000,
        },
      },
    ])
  })

  it.each([
    { status: 'expired', letters: 0 },
    { status: 'cancelled', letters: 0 },
    { status: 'rejected', letters: 0 },
    { status: 'failed', letters: 1 },
  ] as const)('is what the item said of a request that ended as $status', async ({ status, letters }) => {
    const { ports, entries } = aCollector()
    const event = endedEvent(anItem({ status, attempt: 1, completed_at: NOW })) as EndedEvent

    await collect(ports, [event])

    expect(entries()).toMatchObject([{ row: { status, attempts: 1, completed_at: NOW } }])
    expect(entries().filter(({ deadLetter }) => deadLetter)).toHaveLength(letters)
  })

  it('is one batch for all', async () => {
    const { ports, ledger } = aCollector()
    const items = await Promise.all([running(ports), running(ports), running(ports)])

    await collect(ports, [...items.map(item => anOutcome(item)), ...items.map(item => anAcceptedEvent(item))])

    expect(ledger.batches.map(batch => batch.length)).toEqual([6])
  })
})

describe('collect: an outcome that counts for nothing (I7)', () => {
  it.each([
    { what: 'of a stale attempt', fields: { attempt: 1 } },
    { what: 'of an earlier run', fields: { run: 1 } },
  ])('is dropped: $what', async ({ fields }) => {
    const { ports, entries } = aCollector()
    const item = await running(ports, { run: 2, attempt: 2 })

    const { again, ended } = await collect(ports, [anOutcome(item, { attempt: 2, ...fields })])

    expect([again.size, ended, entries()]).toEqual([0, [], []])
    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 10, open: 1 })
  })

  it('is dropped when the request ended otherwise', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports, { status: 'expired', attempt: 0 })

    const { again } = await collect(ports, [anOutcome(item)])

    expect([again.size, entries()]).toEqual([0, []])
  })
})

describe('collect: repeated', () => {
  it('changes nothing: charged once, recorded the same (I3)', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports)

    await collect(ports, [anOutcome(item)])
    const { again } = await collect(ports, [anOutcome(item), anOutcome(item)])

    expect(again.size).toBe(0)
    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
    expect(entries()[1]).toEqual(entries()[0])
  })

  it('goes on where it stopped, though the second message says otherwise: the item has decided', async () => {
    const { ports } = aCollector()
    const item = await running(ports)
    const down = { ...ports, ledger: failing(ports.ledger, 'record', 'before') }
    await collect(down, [anOutcome(item)])

    await collect(ports, [anOutcome(item, { usage: usage(999) })])

    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
  })
})

describe('collect: a step that fails', () => {
  const steps: { step: string; broken: (ports: MemoryPorts & CollectorPorts) => CollectorPorts; again: string[] }[] = [
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
    'brings again just the events that need it, and a redelivery repairs it: $step',
    async ({ broken, again: types }) => {
      const { ports } = aCollector()
      const item = await running(ports)
      const ended = endedEvent(anItem({ status: 'expired', completed_at: NOW })) as EndedEvent
      const events = [anAcceptedEvent(item), anOutcome(item), ended]

      const first = await collect(broken(ports), events)

      expect([...first.again.keys()].map(({ type }) => type).sort()).toEqual(types)
      expect([...first.again.values()].every(reason => reason instanceof Unavailable)).toBe(true)
      expect(first.ended).toEqual([])

      const second = await collect(ports, [...first.again.keys()])
      expect(second.again.size).toBe(0)
      expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
    },
  )

  it('decides, then records, then closes: a result is never charged before it can be read', async () => {
    const { ports } = aCollector()
    const item = await running(ports)
    const calls = [vi.spyOn(ports.items, 'decide'), vi.spyOn(ports.ledger, 'record'), vi.spyOn(ports.quota, 'close')]

    await collect(ports, [anOutcome(item)])

    const order = calls.map(({ mock }) => mock.invocationCallOrder[0] ?? 0)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect(order).not.toContain(0)
  })

  it('does not charge what could not be recorded', async () => {
    const { ports } = aCollector()
    const item = await running(ports)

    await collect({ ...ports, ledger: failing(ports.ledger, 'record', 'before') }, [anOutcome(item)])

    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 10, open: 1 })
  })

  it('holds up no other for one that Postgres refuses', async () => {
    const { ports } = aCollector()
    const [bad, good] = [await running(ports), await running(ports)]
    const record = async (entries: readonly Entry[]): Promise<Recorded> => ({
      refused: entries
        .filter(({ row }) => row.request_id === bad.request_id)
        .map(entry => ({ entry, reason: 'SQLState: 22P05' })),
    })

    const { again, ended } = await collect({ ...ports, ledger: { record } }, [anOutcome(bad), anOutcome(good)])

    expect([...again.keys()].map(({ request_id }) => request_id)).toEqual([bad.request_id])
    expect([...again.values()]).toMatchObject([{ message: expect.stringContaining('22P05') }])
    expect(ended.map(({ request_id }) => request_id)).toEqual([good.request_id])
    expect(await usedBy(ports, good)).toMatchObject({ open: 0 })
    expect(await usedBy(ports, bad)).toMatchObject({ open: 1 })
  })

  it('holds up no other for one whose item can’t be reached', async () => {
    const { ports } = aCollector()
    const [bad, good] = [await running(ports), await running(ports)]
    const items = failing(ports.items, 'decide', 'before', of => (of as RequestItem).request_id === bad.request_id)

    const { again, ended } = await collect({ ...ports, items }, [anOutcome(bad), anOutcome(good)])

    expect([...again.keys()].map(({ request_id }) => request_id)).toEqual([bad.request_id])
    expect(ended.map(({ request_id }) => request_id)).toEqual([good.request_id])
  })
})

function usage(total_tokens: number) {
  return { prompt_tokens: 0, completion_tokens: total_tokens, total_tokens }
}
