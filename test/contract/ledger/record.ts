import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry, LedgerRow } from '../../../functions/core/stores/ledger/port.ts'
import { NOW } from '../../support/clock.ts'
import { newRequestId } from '../../support/requests.ts'
import { AT, aRow, FAILED, FOUND, ledgerTools, WHOLE } from './tools.ts'

/** Tests rows that are recorded again, late, in parallel or with errors. */
export function describeRecording(name: string, client: RDSDataClient): void {
  const { ledger, stored, record } = ledgerTools(client)

  describe(`ledger on ${name}: record`, () => {
    it('record fills every column of a request from its acceptance to its end', async () => {
      const row = aRow({ prompt: WHOLE.prompt, metadata: WHOLE.metadata })
      await record(row)

      await record({ ...row, ...WHOLE, cost: 0.000125 })

      expect(await stored(row.request_id)).toEqual({
        request_id: row.request_id,
        user_id: 'u42',
        model: 'text',
        priority: 'normal',
        prompt: 'hello',
        prompt_key: null,
        estimated_tokens: 10,
        status: 'completed',
        prompt_tokens: 3,
        completion_tokens: 4,
        total_tokens: 7,
        cost: 0.000125,
        result: { text: 'hi' },
        result_key: null,
        error: null,
        metadata: { tag: 'x' },
        run: 1,
        attempts: 2,
        quota_window: '2026-11-23',
        created_at: AT,
        started_at: AT,
        completed_at: AT,
        deadline: AT,
        erased_at: null,
      })
    })

    it('record stores the keys of a body and a result that are too large for a row', async () => {
      const row = aRow({ ...WHOLE, prompt: { key: 'body.json' }, result: { key: 'result.json' } })

      await record(row)

      expect(await stored(row.request_id)).toMatchObject({
        prompt: null,
        prompt_key: 'body.json',
        result: null,
        result_key: 'result.json',
      })
    })

    it('record stores nothing if there are no events', async () => {
      expect(await ledger.record([])).toEqual({ refused: [] })
    })

    it.each([
      { from: 'queued', to: 'completed' },
      { from: 'queued', to: 'failed' },
      { from: 'queued', to: 'cancelled' },
      { from: 'queued', to: 'expired' },
      { from: 'queued', to: 'rejected' },
    ] as const)('record changes a status from $from to $to', async ({ from, to }) => {
      const row = aRow({ status: from })
      await record(row)

      await record({ ...row, status: to, attempts: 1 })

      expect(await stored(row.request_id)).toMatchObject({ status: to, attempts: 1 })
    })

    it.each([
      { from: 'completed', to: 'queued' },
      { from: 'completed', to: 'failed' },
      { from: 'failed', to: 'completed' },
      { from: 'failed', to: 'queued' },
      { from: 'expired', to: 'rejected' },
      { from: 'rejected', to: 'queued' },
    ] as const)('record keeps the status $from when an event with $to comes later (I2)', async ({ from, to }) => {
      const row = aRow({ ...WHOLE, status: from })
      await record(row)
      const before = await stored(row.request_id)

      await record({ ...row, status: to, attempts: 9, result: { inline: 'other' }, usage: undefined })

      expect(await stored(row.request_id)).toEqual(before)
    })

    it('record replaces the fields of a row by those of a later run, and ignores the fields of an earlier run', async () => {
      const row = aRow({ ...FAILED, run: 1 })
      await record(row)

      await record({ ...row, ...WHOLE, error: undefined, run: 2, quota_window: '2026-11-24' })
      await record({ ...row, attempts: 9 })

      expect(await stored(row.request_id)).toMatchObject({
        status: 'completed',
        run: 2,
        quota_window: '2026-11-24',
        error: null,
        result: { text: 'hi' },
      })
    })

    it('record fills fields that an earlier event left empty, and overwrites no field', async () => {
      const { prompt: _, metadata: __, ...late } = WHOLE
      const row = aRow(late)
      await record(row)

      await record(aRow({ request_id: row.request_id, prompt: { inline: 'hello' }, metadata: { tag: 'x' } }))
      await record(aRow({ request_id: row.request_id, prompt: { inline: 'other' }, metadata: {} }))

      expect(await stored(row.request_id)).toMatchObject({
        status: 'completed',
        prompt: 'hello',
        metadata: { tag: 'x' },
        result: { text: 'hi' },
        total_tokens: 7,
      })
    })

    it('record changes nothing when the same event is recorded again', async () => {
      const row = aRow(WHOLE)
      await record(row)
      const before = await stored(row.request_id)

      await record(row)
      await record(row, row)

      expect(await stored(row.request_id)).toEqual(before)
    })

    it('record gives the same row for several events of one request, whether they come in one batch or one by one', async () => {
      const step = fc.record(
        {
          status: fc.constantFrom('queued', 'completed', 'failed', 'cancelled'),
          run: fc.integer({ min: 1, max: 2 }),
          attempts: fc.integer({ min: 0, max: 3 }),
          prompt: fc.constantFrom({ inline: 'a' }, { inline: 'b' }),
          metadata: fc.constantFrom({ a: 1 }, { b: 2 }),
          result: fc.constantFrom({ inline: 1 }, { inline: 2 }),
          usage: fc.constantFrom(WHOLE.usage, { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }),
          error: fc.constantFrom(FAILED.error, { code: 'x', message: 'y' }),
          started_at: fc.constantFrom(NOW, NOW + 1),
          completed_at: fc.constantFrom(NOW, NOW + 1),
        },
        { requiredKeys: ['status', 'run', 'attempts'] },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 4 }), async steps => {
          const [together, apart] = [newRequestId(), newRequestId()]

          await record(...steps.map(fields => aRow({ ...(fields as Partial<LedgerRow>), request_id: together })))
          for (const fields of steps) await record(aRow({ ...(fields as Partial<LedgerRow>), request_id: apart }))

          expect(await stored(together)).toEqual({ ...(await stored(apart)), request_id: together })
        }),
        { numRuns: 40 },
      )
    })

    it('record stores 100 rows in one call', async () => {
      const rows = Array.from({ length: 100 }, () => aRow(WHOLE))

      await record(...rows)

      for (const row of [rows[0], rows[99]]) expect(await stored(row?.request_id ?? '')).toMatchObject(FOUND)
    })

    it('batches that have the same requests in different orders, and are recorded at the same time, do not deadlock', async () => {
      const rows = Array.from({ length: 50 }, () => aRow())
      const reversed = rows.toReversed().map(row => ({ ...row, ...WHOLE }))

      const recorded = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? record(...rows) : record(...reversed))),
      )

      expect(recorded).toEqual(recorded.map(() => ({ refused: [] })))
      for (const row of [rows[0], rows[49]]) expect(await stored(row?.request_id ?? '')).toMatchObject(FOUND)
    })

    it.each([
      { what: 'an invalid id', fields: { request_id: 'not-a-uuid' }, reason: 'SQLState: 22P02' },
      { what: 'U+0000 in its prompt', fields: { prompt: { inline: 'a\u0000b' } }, reason: 'SQLState: 22P05' },
      { what: 'no model', fields: { model: null as unknown as string }, reason: 'SQLState: 23502' },
    ])('record refuses only the row with $what, and stores the other rows of its batch', async ({ fields, reason }) => {
      const [before, after] = [aRow(WHOLE), aRow(WHOLE)]
      const bad: Entry = { row: aRow(fields) }

      const recorded = await ledger.record([{ row: before }, bad, { row: after }])

      expect(recorded).toEqual({ refused: [{ entry: bad, reason }] })
      for (const row of [before, after]) expect(await stored(row.request_id)).toMatchObject(FOUND)
    })
  })
}
