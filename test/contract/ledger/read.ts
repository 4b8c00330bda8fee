import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../../functions/core/stores/ledger/port.ts'
import { aMessage, anItem, newRequestId } from '../../support/requests.ts'
import { AT, aLetter, aRow, FAILED, ledgerTools, WHOLE } from './tools.ts'

/** Tests dead letters and results. */
export function describeReading(name: string, client: RDSDataClient): void {
  const { ledger, query, letters, record } = ledgerTools(client)

  describe(`ledger on ${name}: dead letters`, () => {
    it('a dead letter has the message that could not be run, and the reason', async () => {
      const message = aMessage(anItem())
      const row = aRow(FAILED)

      await ledger.record([{ row, deadLetter: aLetter(row, { message }) }])

      expect(await letters(row.request_id)).toEqual([
        {
          id: `${row.request_id}:1`,
          request_id: row.request_id,
          model: 'text',
          priority: 'normal',
          reason: 'model_error',
          attempts: 1,
          message: JSON.parse(JSON.stringify(message)),
          at: AT,
        },
      ])
    })

    it('a run has only one dead letter, even if the dead letter is recorded several times', async () => {
      const row = aRow(FAILED)
      const first: Entry = { row, deadLetter: aLetter(row) }
      const second: Entry = { row: { ...row, run: 2 }, deadLetter: aLetter({ ...row, run: 2 }) }

      await ledger.record([first, first])
      await ledger.record([first, second])

      expect((await letters(row.request_id)).map(({ id }) => id)).toEqual([
        `${row.request_id}:1`,
        `${row.request_id}:2`,
      ])
    })

    it.each(['one after the other', 'in one batch', 'in one batch in the other order'])(
      'a dead letter that is recorded with the message of its request, and again without it, keeps the message (%s)',
      async how => {
        const message = aMessage(anItem())
        const row = aRow(FAILED)
        const bare: Entry = { row, deadLetter: aLetter(row) }
        const full: Entry = { row, deadLetter: aLetter(row, { message }) }

        if (how === 'in one batch') await ledger.record([bare, full])
        else if (how === 'one after the other') for (const entry of [bare, full, bare]) await ledger.record([entry])
        else await ledger.record([full, bare])

        expect(await letters(row.request_id)).toMatchObject([{ message: { request_id: message.request_id } }])
      },
    )
  })

  describe(`ledger on ${name}: result`, () => {
    it.each([
      { what: 'an object', result: { text: 'hi' } },
      { what: 'null', result: null },
      { what: 'an empty text', result: '' },
      { what: 'false', result: false },
      { what: 'numbers of all sizes', result: [1e300, 5e-324, 0.1, 2 ** 53 + 2] },
      { what: '98 nested lists', result: nested(98) },
      { what: 'all of Unicode', result: { '\u{1f600}': 'é\uffff\u{10ffff}\u0001\u2028"\\' } },
      { what: '48 KB', result: 'é'.repeat(24_000) },
    ])('a stored result is returned unchanged: $what', async ({ result }) => {
      const row = aRow({ ...WHOLE, result: { inline: result } })

      await record(row)

      expect(await ledger.result(row.request_id, 1)).toEqual({ inline: result })
    })

    it('a result is stored as its exact JSON text, with the same order of fields', async () => {
      const row = aRow({ ...WHOLE, result: { inline: { b: 1e300, a: [1, 2] } } })

      await record(row)

      const sql = `SELECT result::text AS text FROM requests WHERE request_id = '${row.request_id}'`
      expect(await query(sql)).toEqual([{ text: '{"b":1e+300,"a":[1,2]}' }])
    })

    it('for a large result, which is in the payload store, its key there is returned', async () => {
      const row = aRow({ ...WHOLE, result: { key: 'result.json' } })

      await record(row)

      expect(await ledger.result(row.request_id, 1)).toEqual({ key: 'result.json' })
    })

    it.each([
      { what: 'an unknown request', given: [], run: 1 },
      { what: 'a request that is still queued', given: [aRow()], run: 1 },
      { what: 'a failed request', given: [aRow(FAILED)], run: 1 },
      { what: 'a request of which only an earlier run is recorded', given: [aRow(WHOLE)], run: 2 },
    ])('no result is returned for $what (I9)', async ({ given, run }) => {
      await record(...given)

      expect(await ledger.result(given[0]?.request_id ?? newRequestId(), run)).toBeUndefined()
    })
  })
}

function nested(depth: number): unknown {
  return depth === 0 ? 'end' : [nested(depth - 1)]
}
