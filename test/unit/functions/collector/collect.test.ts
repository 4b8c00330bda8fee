import { describe, expect, it } from 'vitest'
import { collect } from '../../../../functions/collector/collect.ts'
import { endedEvent } from '../../../../functions/core/domain/events.ts'
import type { EndedEvent } from '../../../../functions/core/domain/messages.ts'
import { bodyKey, resultKey } from '../../../../functions/core/stores/payloads/names.ts'
import { NOW } from '../../../support/clock.ts'
import { aCollector, failure, running, usage, usedBy } from '../../../support/collector.ts'
import { failing } from '../../../support/failing.ts'
import { anAcceptedEvent, anItem, anOutcome, aRefused } from '../../../support/requests.ts'

describe('collect: the charging rule', () => {
  it.each([
    { what: 'a success costs the tokens that the model reported', fields: {}, tokens: 7, requests: 1 },
    {
      what: 'a success without reported usage costs its estimate',
      fields: { usage: undefined },
      tokens: 10,
      requests: 1,
    },
    {
      what: 'a success without reported usage costs the minimum that its worker computed, if that is more than the estimate',
      fields: { usage: undefined, charge_at_least: 11 },
      tokens: 11,
      requests: 1,
    },
    {
      what: 'a success costs the tokens that the model reported, even if its worker computed a higher minimum',
      fields: { charge_at_least: 11 },
      tokens: 7,
      requests: 1,
    },
    { what: 'a success may cost more than its estimate', fields: { usage: usage(500) }, tokens: 500, requests: 1 },
    { what: 'a success may cost nothing', fields: { usage: usage(0) }, tokens: 0, requests: 1 },
  ])('$what', async ({ fields, tokens, requests }) => {
    const { ports } = aCollector()
    const item = await running(ports)

    await collect(ports, [anOutcome(item, fields)])

    expect(await usedBy(ports, item)).toEqual({ requests, tokens, open: 0 })
  })

  it.each([
    { what: 'a failure that reached the model costs one request and no tokens', fields: {}, tokens: 0, requests: 1 },
    {
      what: 'a failure costs one request and the tokens that the model reported',
      fields: { usage: usage(9) },
      tokens: 9,
      requests: 1,
    },
    {
      what: 'a request that never reached the model costs nothing',
      fields: { reached: false },
      tokens: 0,
      requests: 0,
    },
  ])('$what', async ({ fields, tokens, requests }) => {
    const { ports } = aCollector()
    const item = await running(ports)

    await collect(ports, [failure(item, fields)])

    expect(await usedBy(ports, item)).toEqual({ requests, tokens, open: 0 })
  })
})

describe('collect: a request’s stored body and result', () => {
  it.each([
    { what: 'it was cancelled', fields: { cancel_requested: true }, kept: [] },
    { what: 'it completed', fields: {}, kept: ['body', 'result'] },
  ])('are deleted only if the request was cancelled (here $what)', async ({ fields, kept }) => {
    const { ports } = aCollector()
    const item = await running(ports, fields)
    await ports.payloads.put(bodyKey(item), '"body"')
    await ports.payloads.put(resultKey(item), '"result"')

    await collect(ports, [anOutcome(item, { result: { key: resultKey(item) } })])

    expect([...ports.payloads.stored.values()].map(text => JSON.parse(text))).toEqual(kept)
    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
  })

  it('the stored body of a failed request is kept, since the request may be redriven', async () => {
    const { ports } = aCollector()
    const item = await running(ports)
    await ports.payloads.put(bodyKey(item), '"body"')

    await collect(ports, [failure(item)])

    expect(ports.payloads.stored.size).toBe(1)
  })
})

describe('collect: the rows and dead letters of the ledger', () => {
  it('the ledger gets the row of a request from its `accepted` event, before the request has an outcome', async () => {
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

  it('the ledger gets status, attempts and usage of a success from the request item, and only the result from the event (rule 9)', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports, { started_at: NOW - 5 })

    const { failures, ended } = await collect(ports, [anOutcome(item)])

    expect(failures.size).toBe(0)
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

  it('the ledger gets a dead letter for a failed request, with the request’s message (I10)', async () => {
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
  ] as const)(
    'the ledger gets the row of a request that ended as $status, with $letters dead letters',
    async ({ status, letters }) => {
      const { ports, entries } = aCollector()
      const event = endedEvent(anItem({ status, attempt: 1, completed_at: NOW })) as EndedEvent

      await collect(ports, [event])

      expect(entries()).toMatchObject([{ row: { status, attempts: 1, completed_at: NOW } }])
      expect(entries().filter(({ deadLetter }) => deadLetter)).toHaveLength(letters)
    },
  )

  it('the ledger gets a dead letter for a refused message of an input queue, with the original message and the reason (I10)', async () => {
    const { ports, entries } = aCollector()
    const event = aRefused('m-1')

    await collect(ports, [event])

    expect(entries()).toEqual([
      {
        deadLetter: {
          id: 'input:nightly:m-1',
          reason: 'quota_exceeded',
          attempts: 0,
          message: event.input,
          at: NOW,
        },
      },
    ])
  })

  it('the ledger gets all rows of an invocation in one call', async () => {
    const { ports, ledger } = aCollector()
    const items = await Promise.all([running(ports), running(ports), running(ports)])

    await collect(ports, [...items.map(item => anOutcome(item)), ...items.map(item => anAcceptedEvent(item))])

    expect(ledger.batches.map(batch => batch.length)).toEqual([6])
  })
})

describe('collect: an outcome that does not count (I7)', () => {
  it.each([
    { what: 'of a stale attempt', fields: { attempt: 1 } },
    { what: 'of an earlier run', fields: { run: 1 } },
  ])('is dropped: it is $what', async ({ fields }) => {
    const { ports, entries } = aCollector()
    const item = await running(ports, { run: 2, attempt: 2 })

    const { failures, ended } = await collect(ports, [anOutcome(item, { attempt: 2, ...fields })])

    expect([failures.size, ended, entries()]).toEqual([0, [], []])
    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 10, open: 1 })
  })

  it('an outcome is dropped if its request has already ended with another status', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports, { status: 'expired', attempt: 0 })

    const { failures } = await collect(ports, [anOutcome(item)])

    expect([failures.size, entries()]).toEqual([0, []])
  })
})

describe('collect: an event that is delivered twice', () => {
  it('changes nothing the second time: the request is charged once, and its row stays the same (I3)', async () => {
    const { ports, entries } = aCollector()
    const item = await running(ports)

    await collect(ports, [anOutcome(item)])
    const { failures } = await collect(ports, [anOutcome(item), anOutcome(item)])

    expect(failures.size).toBe(0)
    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
    expect(entries()[1]).toEqual(entries()[0])
  })

  it('the second delivery completes the steps that the first missed, with the values of the request item, even if the second event has others', async () => {
    const { ports } = aCollector()
    const item = await running(ports)
    const down = { ...ports, ledger: failing(ports.ledger, 'record', 'before') }
    await collect(down, [anOutcome(item)])

    await collect(ports, [anOutcome(item, { usage: usage(999) })])

    expect(await usedBy(ports, item)).toEqual({ requests: 1, tokens: 7, open: 0 })
  })
})
