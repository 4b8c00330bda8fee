import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data'
import type { DeadLetter, LedgerRow } from '../../../functions/core/stores/ledger/port.ts'
import { rdsDataLedger } from '../../../functions/core/stores/ledger/rds-data.ts'
import { LEDGER_ROLES, type LedgerRole, roleName } from '../../../functions/core/stores/ledger/roles.ts'
import { SECRETS_FILE } from '../../../lib/local/secrets-file.ts'
import { NOW } from '../../support/clock.ts'
import { newRequestId } from '../../support/requests.ts'

export const ENV = { LEDGER_CLUSTER_ARN: 'arn:cluster', LEDGER_SECRET_ARN: 'arn:secret', LEDGER_DATABASE: 'sluice' }
/** The environment variables of a function with this database role. */
export const as = (role: LedgerRole) => ({ ...ENV, LEDGER_SECRET_ARN: `arn:${role}` })

const ROLES = Object.keys(LEDGER_ROLES) as LedgerRole[]
export const PASSWORDS = Object.fromEntries(ROLES.map(role => [role, `${role}Password1`]))

/** Writes the secrets of the database roles into a file, as the local system does for the secrets of the template. */
export function writeRoleSecrets(folder: string): void {
  const secrets = ROLES.map(role => [`arn:${role}`, JSON.stringify({ username: roleName(role) })])
  writeFileSync(join(folder, SECRETS_FILE), JSON.stringify(Object.fromEntries(secrets)))
}

export const AT = new Date(NOW).toISOString().replace('.000Z', '+00:00')

export const aRow = (fields: Partial<LedgerRow> = {}): LedgerRow => ({
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

/** The fields of a completed request. They fill every column except `error` and the keys. */
export const WHOLE = {
  prompt: { inline: 'hello' },
  metadata: { tag: 'x' },
  status: 'completed',
  attempts: 2,
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  result: { inline: { text: 'hi' } },
  started_at: NOW,
  completed_at: NOW,
} as const satisfies Partial<LedgerRow>

export const FAILED = {
  status: 'failed',
  attempts: 1,
  error: { code: 'model_error', message: 'the model answered 500' },
  started_at: NOW,
  completed_at: NOW,
} as const satisfies Partial<LedgerRow>

export const aLetter = (row: LedgerRow, fields: Partial<DeadLetter> = {}): DeadLetter => ({
  id: `${row.request_id}:${row.run}`,
  request_id: row.request_id,
  model: row.model,
  priority: row.priority,
  reason: 'model_error',
  attempts: 1,
  at: NOW,
  ...fields,
})

export const FOUND = { status: 'completed', result: { text: 'hi' } }

/** The functions that the suites of the ledger share. */
export function ledgerTools(client: RDSDataClient) {
  const { record: recordAll } = rdsDataLedger(client, as('collector'))
  const ledger = { ...rdsDataLedger(client, as('reader')), record: recordAll }
  const query = async (sql: string): Promise<Record<string, unknown>[]> => {
    const { formattedRecords } = await client.send(
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
  return { ledger, query, stored, letters, record }
}
