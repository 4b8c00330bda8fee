import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { describe, expect, it } from 'vitest'
import { migrate } from '../../../functions/core/stores/ledger/migrate.ts'
import { MIGRATIONS } from '../../../functions/core/stores/ledger/migrations.ts'
import { ENV, ledgerTools } from './tools.ts'

/** The schema; `applied` is what two migrations did that met an empty database at once. */
export function describeMigrations(name: string, client: RDSDataClient, applied: () => number[][]): void {
  const { query } = ledgerTools(client)

  describe(`ledger on ${name}: migrate`, () => {
    it('applies each step once when two migrate an empty database at once', () => {
      expect(applied().flat()).toEqual(MIGRATIONS.map(({ id }) => id))
    })

    it('changes nothing when all steps are applied already', async () => {
      expect(await migrate(client, ENV)).toEqual([])
    })

    it('applies new steps, and rolls back a failed step as a whole', async () => {
      const next = [{ id: 1_000, statements: ['CREATE TABLE extra (id integer)'] }]
      const broken = [{ id: 1_001, statements: ['CREATE TABLE half (id integer)', 'CREATE TABLE half (id integer)'] }]

      expect(await migrate(client, ENV, [...MIGRATIONS, ...next])).toEqual([1_000])
      await expect(migrate(client, ENV, [...MIGRATIONS, ...next, ...broken])).rejects.toThrow('half')

      expect(await query(`SELECT to_regclass('extra') AS extra, to_regclass('half') AS half`)).toEqual([
        { extra: 'extra', half: null },
      ])
    })
  })
}
