import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data'
import { describe, expect, it } from 'vitest'
import { rdsDataLedgerAdmin } from '../../../functions/core/stores/ledger/admin.ts'
import { rdsDataDeadLetters } from '../../../functions/core/stores/ledger/dead-letters.ts'
import { rdsDataLedger } from '../../../functions/core/stores/ledger/rds-data.ts'
import { type LedgerRole, roleName } from '../../../functions/core/stores/ledger/roles.ts'
import { scramVerifier } from '../../../functions/core/stores/ledger/scram.ts'
import { setRoles } from '../../../functions/core/stores/ledger/set-roles.ts'
import { aLetter, aRow, as, ENV, FAILED, ledgerTools, PASSWORDS, WHOLE } from './tools.ts'

/** Tests which statements each role may run. */
export function describeRoles(name: string, client: RDSDataClient): void {
  const { ledger, query } = ledgerTools(client)
  const run = (env: typeof ENV, sql: string) =>
    client.send(
      new ExecuteStatementCommand({
        resourceArn: env.LEDGER_CLUSTER_ARN,
        secretArn: env.LEDGER_SECRET_ARN,
        database: env.LEDGER_DATABASE,
        sql,
      }),
    )

  describe(`ledger on ${name}: database roles`, () => {
    it('a statement of a function runs as the Postgres user of its role', async () => {
      const { records } = await run(as('reader'), 'SELECT current_user::text')

      expect(records).toEqual([[{ stringValue: 'sluice_reader' }]])
    })

    it('the database roles allow the gateway to read a result, and the operator to run its commands', async () => {
      const row = aRow(WHOLE)
      const failed = aRow(FAILED)
      await ledger.record([{ row }, { row: failed, deadLetter: aLetter(failed) }])
      const admin = rdsDataLedgerAdmin(client, as('operator'))
      const letters = rdsDataDeadLetters(client, as('operator'))

      expect(await rdsDataLedger(client, as('gateway')).result(row.request_id, 1)).toEqual({ inline: { text: 'hi' } })
      expect(await admin.show(row.request_id)).toMatchObject({ status: 'completed' })
      expect(await admin.prompt(row.request_id)).toEqual({ inline: 'hello' })
      expect(await letters.list({ of: failed.request_id, limit: 2 })).toHaveLength(1)
      expect(await letters.remove([`${failed.request_id}:1`])).toHaveLength(1)
    })

    it.each<[LedgerRole, string, string]>([
      ...(['reader', 'gateway'] as const).flatMap((role): [LedgerRole, string, string][] => [
        [role, 'write a row', "INSERT INTO requests (request_id) VALUES ('01a206db-41b7-7114-9466-684e84d9becc')"],
        [role, 'change a row', "UPDATE requests SET status = 'completed'"],
        [role, 'delete a row', 'DELETE FROM requests'],
        [role, 'read a prompt', 'SELECT prompt FROM requests'],
        [role, 'read the user of a request', 'SELECT user_id FROM requests'],
        [role, 'read dead letters', 'SELECT id FROM dead_letters'],
        [role, 'read the deleted users', 'SELECT * FROM deleted_users'],
        [role, 'delete old rows', 'SELECT delete_ended(now(), 1)'],
      ]),
      ['collector', 'delete a row', 'DELETE FROM requests'],
      ['collector', 'change the user of a request', "UPDATE requests SET user_id = 'mallory'"],
      ['collector', 'empty a table', 'TRUNCATE requests'],
      ['collector', 'drop a table', 'DROP TABLE requests'],
      ['collector', 'change a table', 'ALTER TABLE requests ADD COLUMN more text'],
      ['collector', 'delete a dead letter', 'DELETE FROM dead_letters'],
      ['collector', 'delete the list of deleted users', 'DELETE FROM deleted_users'],
      ['retention', 'delete a row by itself', 'DELETE FROM requests'],
      ['retention', 'read a row', 'SELECT request_id FROM requests'],
      ['operator', 'write a row', "INSERT INTO requests (request_id) VALUES ('01a206db-41b7-7114-9466-684e84d9becc')"],
      ['operator', 'change a row', "UPDATE requests SET status = 'completed'"],
      ['operator', 'drop a table', 'DROP TABLE dead_letters'],
      ...(['reader', 'gateway', 'collector', 'retention', 'operator'] as const).flatMap(
        (role): [LedgerRole, string, string][] => [
          [role, 'make a table', 'CREATE TABLE mine (id integer)'],
          [role, 'make a temporary table', 'CREATE TEMPORARY TABLE mine (id integer)'],
          [role, 'make a role', 'CREATE ROLE mine'],
          [role, 'read the migrations', 'SELECT * FROM migrations'],
          [role, 'run a program', "COPY (SELECT 1) TO PROGRAM 'true'"],
          [role, 'read a file', "SELECT pg_read_file('/etc/passwd')"],
          [role, 'read the passwords', 'SELECT rolpassword FROM pg_authid'],
        ],
      ),
    ])('the database role of the %s does not allow it to %s', async (role, _, sql) => {
      await expect(run(as(role), sql)).rejects.toThrow('SQLState: 42501')
    })

    it('the database roles keep their rights when a second deployment sets them again', async () => {
      expect(await setRoles(client, ENV, PASSWORDS)).toBe(true)

      expect(await ledger.record([{ row: aRow(WHOLE) }])).toEqual({ refused: [] })
    })

    it('a database role that a deployment no longer has loses its login and all rights', async () => {
      const { retention: _, ...others } = PASSWORDS

      await setRoles(client, ENV, others)

      const able = await query(
        `SELECT rolcanlogin, has_function_privilege(rolname, 'delete_ended(timestamptz, integer)', 'EXECUTE') AS may
         FROM pg_roles WHERE rolname = '${roleName('retention')}'`,
      )
      await setRoles(client, ENV, PASSWORDS)
      expect(able).toEqual([{ rolcanlogin: false, may: false }])
    })
  })

  describe(`ledger on ${name}: a password`, () => {
    // Only a superuser may read a stored verifier (the SCRAM hash of a password). On a real PostgreSQL, these tests are no superuser.
    it.skipIf(name === 'PostgreSQL')('gets the same SCRAM verifier as Postgres itself computes for it', async () => {
      await run(ENV, "CREATE ROLE plain PASSWORD 'Some0Password'")
      const [{ kept } = { kept: '' }] = await query("SELECT rolpassword AS kept FROM pg_authid WHERE rolname = 'plain'")
      await run(ENV, 'DROP ROLE plain')
      const [, salt = ''] = /^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(String(kept)) ?? []

      expect(scramVerifier('Some0Password', Buffer.from(salt, 'base64'))).toBe(kept)
    })
  })
}
