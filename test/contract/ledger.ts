import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from '../../functions/ledger/migrate.ts'
import { MIGRATIONS } from '../../functions/ledger/migrations.ts'
import type { DeadLetter, Entry, Ledger, LedgerRow } from '../../functions/ledger/port.ts'
import { rdsDataLedger } from '../../functions/ledger/rds-data.ts'
import { NOW } from '../support/clock.ts'
import { aMessage, anItem, newRequestId } from '../support/requests.ts'

export interface LedgerEngine {
  /** The RDS Data API of an empty database. */
  readonly client: RDSDataClient
  close(): Promise<void>
}

const ENV = { LEDGER_CLUSTER_ARN: 'arn:cluster', LEDGER_SECRET_ARN: 'arn:secret', LEDGER_DATABASE: 'sluice' }
const AT = new Date(NOW).toISOString().replace('.000Z', '+00:00')

const aRow = (fields: Partial<LedgerRow> = {}): LedgerRow => ({
  request_id: newRequestId(),
  user_id: 'u42',
  model: 'text',
  priority: 'normal',
  estimated_tokens: 10,
  status: 'queued',
  run: 1,
  attempts: 0,
  quota_window: '2026-11-23',
  created_at: NOW,
  deadline: NOW,
  ...fields,
})

/** A request that is known from its acceptance to its end, with something in every column but `error` and the keys. */
const WHOLE = {
  prompt: { inline: 'hello' },
  metadata: { tag: 'x' },
  status: 'completed',
  attempts: 2,
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  result: { inline: { text: 'hi' } },
  started_at: NOW,
  completed_at: NOW,
} as const satisfies Partial<LedgerRow>

const FAILED = {
  status: 'failed',
  attempts: 1,
  error: { code: 'model_error', message: 'the model answered 500' },
  started_at: NOW,
  completed_at: NOW,
} as const satisfies Partial<LedgerRow>

const aLetter = (row: LedgerRow, fields: Partial<DeadLetter> = {}): DeadLetter => ({
  id: `${row.request_id}:${row.run}`,
  request_id: row.request_id,
  model: row.model,
  priority: row.priority,
  reason: 'model_error',
  attempts: 1,
  at: NOW,
  ...fields,
})

/** What every ledger keeps, whichever Postgres it is on. */
export function describeLedgerContract(name: string, makeEngine: () => Promise<LedgerEngine>): void {
  let engine: LedgerEngine
  let ledger: Ledger
  let applied: number[][]
  beforeAll(async () => {
    engine = await makeEngine()
    ledger = rdsDataLedger(engine.client, ENV)
    applied = await Promise.all([migrate(engine.client, ENV), migrate(engine.client, ENV)])
  })
  afterAll(() => engine?.close())

  const query = async (sql: string): Promise<Record<string, unknown>[]> => {
    const { formattedRecords } = await engine.client.send(
      new ExecuteStatementCommand({
        resourceArn: ENV.LEDGER_CLUSTER_ARN,
        secretArn: ENV.LEDGER_SECRET_ARN,
        database: ENV.LEDGER_DATABASE,
        sql: `SELECT to_json(t)::text AS row FROM (${sql}) t`,
        formatRecordsAs: 'JSON',
      }),
    )
    return JSON.parse(formattedRecords ?? '[]').map(({ row }: { row: string }) => JSON.parse(row))
  }
  const stored = async (requestId: string) =>
    (await query(`SELECT * FROM requests WHERE request_id = '${requestId}'`))[0]
  const letters = (requestId: string) =>
    query(`SELECT * FROM dead_letters WHERE request_id = '${requestId}' ORDER BY id`)
  const record = (...rows: LedgerRow[]) => ledger.record(rows.map(row => ({ row })))

  describe(`ledger on ${name}: migrate`, () => {
    it('applies each step once when two migrate an empty database at once', () => {
      expect(applied.flat()).toEqual(MIGRATIONS.map(({ id }) => id))
    })

    it('applies nothing when everything is applied', async () => {
      expect(await migrate(engine.client, ENV)).toEqual([])
    })

    it('applies what is new, and takes a step that fails back as a whole', async () => {
      const next = [{ id: 1_000, statements: ['CREATE TABLE extra (id integer)'] }]
      const broken = [{ id: 1_001, statements: ['CREATE TABLE half (id integer)', 'CREATE TABLE half (id integer)'] }]

      expect(await migrate(engine.client, ENV, [...MIGRATIONS, ...next])).toEqual([1_000])
      await expect(migrate(engine.client, ENV, [...MIGRATIONS, ...next, ...broken])).rejects.toThrow('half')

      expect(await query(`SELECT to_regclass('extra') AS extra, to_regclass('half') AS half`)).toEqual([
        { extra: 'extra', half: null },
      ])
    })
  })

  describe(`ledger on ${name}: record`, () => {
    it('fills every column of a request from its acceptance to its end', async () => {
      const row = aRow({ prompt: WHOLE.prompt, metadata: WHOLE.metadata })
      await record(row)

      await record({ ...row, ...WHOLE })

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
      })
    })

    it('keeps where a body and a result are that are too large for a row', async () => {
      const row = aRow({ ...WHOLE, prompt: { key: 'body.json' }, result: { key: 'result.json' } })

      await record(row)

      expect(await stored(row.request_id)).toMatchObject({
        prompt: null,
        prompt_key: 'body.json',
        result: null,
        result_key: 'result.json',
      })
    })

    it('records nothing of nothing', async () => {
      expect(await ledger.record([])).toEqual({ refused: [] })
    })

    it.each([
      { from: 'queued', to: 'completed' },
      { from: 'queued', to: 'failed' },
      { from: 'queued', to: 'cancelled' },
      { from: 'queued', to: 'expired' },
      { from: 'queued', to: 'rejected' },
    ] as const)('moves a status up from $from to $to', async ({ from, to }) => {
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
    ] as const)('leaves $from as it is when $to comes later (I2)', async ({ from, to }) => {
      const row = aRow({ ...WHOLE, status: from })
      await record(row)
      const before = await stored(row.request_id)

      await record({ ...row, status: to, attempts: 9, result: { inline: 'other' }, usage: undefined })

      expect(await stored(row.request_id)).toEqual(before)
    })

    it('takes whatever a higher run says, and nothing of a lower one', async () => {
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

    it('fills what an earlier event did not know, and overwrites nothing that is known', async () => {
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

    it('changes nothing when it is repeated', async () => {
      const row = aRow(WHOLE)
      await record(row)
      const before = await stored(row.request_id)

      await record(row)
      await record(row, row)

      expect(await stored(row.request_id)).toEqual(before)
    })

    it('records the same of events of one request in one batch as one after the other', async () => {
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

    it('records a hundred at once', async () => {
      const rows = Array.from({ length: 100 }, () => aRow(WHOLE))

      await record(...rows)

      for (const row of [rows[0], rows[99]]) expect(await stored(row?.request_id ?? '')).toMatchObject(FOUND)
    })

    it('does not deadlock when batches of the same requests meet, each in an order of its own', async () => {
      const rows = Array.from({ length: 50 }, () => aRow())
      const reversed = rows.toReversed().map(row => ({ ...row, ...WHOLE }))

      const recorded = await Promise.all(
        Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? record(...rows) : record(...reversed))),
      )

      expect(recorded).toEqual(recorded.map(() => ({ refused: [] })))
      for (const row of [rows[0], rows[49]]) expect(await stored(row?.request_id ?? '')).toMatchObject(FOUND)
    })

    it.each([
      { what: 'no id', fields: { request_id: 'not-a-uuid' }, reason: 'SQLState: 22P02' },
      { what: 'U+0000 in it', fields: { prompt: { inline: 'a\u0000b' } }, reason: 'SQLState: 22P05' },
      { what: 'no model', fields: { model: null as unknown as string }, reason: 'SQLState: 23502' },
    ])('refuses a row with $what alone, and records the others of its batch', async ({ fields, reason }) => {
      const [before, after] = [aRow(WHOLE), aRow(WHOLE)]
      const bad: Entry = { row: aRow(fields) }

      const recorded = await ledger.record([{ row: before }, bad, { row: after }])

      expect(recorded).toEqual({ refused: [{ entry: bad, reason }] })
      for (const row of [before, after]) expect(await stored(row.request_id)).toMatchObject(FOUND)
    })
  })

  describe(`ledger on ${name}: dead letters`, () => {
    it('keeps what could not be run, and why', async () => {
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

    it('keeps a dead letter once, however often it is reported, and one a run', async () => {
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

    it.each(['one after the other', 'in one batch', 'in one batch, the other way round'])(
      'keeps the message though it is reported without it, too (%s)',
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
      { what: '98 lists in each other', result: nested(98) },
      { what: 'all of Unicode', result: { '\u{1f600}': 'é\uffff\u{10ffff}\u0001\u2028"\\' } },
      { what: '48 KB', result: 'é'.repeat(24_000) },
    ])('gives $what back as it was recorded', async ({ result }) => {
      const row = aRow({ ...WHOLE, result: { inline: result } })

      await record(row)

      expect(await ledger.result(row.request_id, 1)).toEqual({ inline: result })
    })

    it('keeps the text of a result as it is, not as another one of the same value', async () => {
      const row = aRow({ ...WHOLE, result: { inline: { b: 1e300, a: [1, 2] } } })

      await record(row)

      const sql = `SELECT result::text AS text FROM requests WHERE request_id = '${row.request_id}'`
      expect(await query(sql)).toEqual([{ text: '{"b":1e+300,"a":[1,2]}' }])
    })

    it('says where a large result is', async () => {
      const row = aRow({ ...WHOLE, result: { key: 'result.json' } })

      await record(row)

      expect(await ledger.result(row.request_id, 1)).toEqual({ key: 'result.json' })
    })

    it.each([
      { what: 'that it does not know', given: [], run: 1 },
      { what: 'that is still queued', given: [aRow()], run: 1 },
      { what: 'that failed', given: [aRow(FAILED)], run: 1 },
      { what: 'of which it knows an earlier run', given: [aRow(WHOLE)], run: 2 },
    ])('has none of a request $what (I9)', async ({ given, run }) => {
      await record(...given)

      expect(await ledger.result(given[0]?.request_id ?? newRequestId(), run)).toBeUndefined()
    })
  })
}

const FOUND = { status: 'completed', result: { text: 'hi' } }

function nested(depth: number): unknown {
  return depth === 0 ? 'end' : [nested(depth - 1)]
}
