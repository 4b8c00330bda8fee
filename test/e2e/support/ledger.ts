import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { credentialsOf } from '../../../lib/local/trust/access-key.ts'
import type { RunningSystem } from './system.ts'

/** The values of a row by the names of their columns. */
export type LedgerRow = Record<string, unknown>

/** Reads a user's rows of the table `requests` through the RDS Data API, oldest first. */
export const ledgerRows = (system: Pick<RunningSystem, 'localJson'>, user: string): Promise<LedgerRow[]> =>
  rowsOf(system, user, 'SELECT row_to_json(r)::text FROM requests r WHERE user_id = :user ORDER BY request_id')

/** Reads a user's dead letters without their messages. */
export const deadLetters = (system: RunningSystem, user: string): Promise<LedgerRow[]> =>
  rowsOf(
    system,
    user,
    `SELECT json_build_object('request_id', d.request_id, 'reason', d.reason, 'attempts', d.attempts)::text
     FROM dead_letters d JOIN requests r USING (request_id) WHERE r.user_id = :user`,
  )

async function rowsOf(
  { localJson }: Pick<RunningSystem, 'localJson'>,
  user: string,
  sql: string,
): Promise<LedgerRow[]> {
  const { endpoints, outputs, accessKeyId } = localJson
  const credentials = credentialsOf(accessKeyId)
  const client = new RDSDataClient({ endpoint: endpoints.rds_data, region: 'us-east-1', credentials })
  const { records = [] } = await client.send(
    new ExecuteStatementCommand({
      resourceArn: outputs.LedgerClusterArn,
      secretArn: outputs.LedgerSecretArn,
      database: outputs.LedgerDatabase,
      sql,
      parameters: [{ name: 'user', value: { stringValue: user } }],
    }),
  )
  client.destroy()
  return records.map(([field]) => JSON.parse(field?.stringValue ?? 'null'))
}
