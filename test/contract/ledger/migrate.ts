import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { describe, expect, it } from 'vitest'
import { migrate } from '../../../functions/core/stores/ledger/migrate.ts'
import { MIGRATIONS } from '../../../functions/core/stores/ledger/migrations.ts'
import { retryUnlessRefused } from '../../../functions/migrator/retry-unless-refused.ts'
import { movableClock } from '../../support/clock.ts'
import { networkError } from '../../support/faults.ts'
import { ENV, ledgerTools } from './tools.ts'

/** Tests the migrations. `applied` has the steps of two migrations that ran on an empty database at the same time. */
export function describeMigrations(name: string, client: RDSDataClient, applied: () => number[][]): void {
  const { query } = ledgerTools(client)

  describe(`ledger on ${name}: migrate`, () => {
    it('migrate applies each step once when two migrations of an empty database run at the same time', () => {
      expect(applied().flat()).toEqual(MIGRATIONS.map(({ id }) => id))
    })

    it('migrate changes nothing when all steps are already applied', async () => {
      expect(await migrate(client, ENV)).toEqual([])
    })

    it('migrate applies new steps, and rolls back a failed step as a whole', async () => {
      const next = [{ id: 1_000, statements: ['CREATE TABLE extra (id integer)'] }]
      const broken = [{ id: 1_001, statements: ['CREATE TABLE half (id integer)', 'CREATE TABLE half (id integer)'] }]

      expect(await migrate(client, ENV, [...MIGRATIONS, ...next])).toEqual([1_000])
      await expect(migrate(client, ENV, [...MIGRATIONS, ...next, ...broken])).rejects.toThrow('half')

      expect(await query(`SELECT to_regclass('extra') AS extra, to_regclass('half') AS half`)).toEqual([
        { extra: 'extra', half: null },
      ])
    })

    it('migrate applies a step once, even if the answer to one of its calls is lost', async () => {
      const { clock, advance } = movableClock()
      const logger = { info: () => {}, warn: () => {}, error: () => {} }
      const patience = { clock, sleep: async (ms: number) => advance(ms), logger }
      let id = 2_000
      let wasLost = true
      // Round n loses the answer of the nth call. The rounds end when a migration has fewer than n calls.
      for (let call = 1; wasLost; call += 1) {
        id += 1
        const table = `lost_${id}`
        const steps = [{ id, statements: [`CREATE TABLE ${table} (id integer)`, `CREATE INDEX ON ${table} (id)`] }]
        const lost = losingOneAnswer(client, call)
        await retryUnlessRefused(patience, async () => void (await migrate(client, ENV, steps)))
        wasLost = lost.end()

        const found = await query(`SELECT to_regclass('${table}') AS made, count(*) FROM migrations WHERE id = ${id}`)
        expect(found, `the answer of call ${call} was lost`).toEqual([{ made: table, count: 1 }])
      }
      // A migration has nine calls: two statements and a commit in its first transaction, and five statements and a commit in its
      // second one. In the tenth round, no answer was lost.
      expect(id - 2_000).toBe(3 + 6 + 1)
    })
  })
}

/**
 * Loses the answer of the call with this number, which still takes effect. `end` returns true if there was such a call. The
 * start of a transaction is not counted: nobody would know its id, so it would block the one connection of the embedded Postgres.
 */
function losingOneAnswer(client: RDSDataClient, number: number): { end(): boolean } {
  let calls = 0
  client.middlewareStack.add(
    (next, { commandName }) =>
      async args => {
        const result = await next(args)
        if (commandName !== 'BeginTransactionCommand') calls += 1
        if (calls === number && commandName !== 'BeginTransactionCommand') throw networkError()
        return result
      },
    { step: 'initialize', name: 'loseOneAnswer' },
  )
  return {
    end() {
      client.middlewareStack.remove('loseOneAnswer')
      return calls >= number
    },
  }
}
