import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { arn } from '../../../lib/local/arn.ts'
import { credentialsOf } from '../../../lib/local/trust/access-key.ts'
import type { RunningSystem } from '../../e2e/support/system.ts'

/** Inserts rows of requests of the last minutes, with the columns that the collector fills. Thousands of real requests would take minutes. */
const INSERT = `INSERT INTO requests (request_id, user_id, model, priority, estimated_tokens, status, total_tokens, run, attempts,
    quota_window, created_at, started_at, completed_at, deadline)
  SELECT id, :user, 'text', 'normal', 12, 'completed', 10, 1, 1, '2026-11-23', at, at, at + interval '1 second', at + interval '6 hours'
  FROM (SELECT uuidv7(-age) AS id, now() - age AS at FROM (
    SELECT (n % 1200) * interval '1 second' AS age FROM generate_series(1, :count::integer) AS n) AS ages) AS made`

/** Inserts requests of a user into the ledger. */
export async function seedRequests({ localJson }: RunningSystem, user: string, count: number): Promise<void> {
  const { endpoints, outputs, accessKeyId } = localJson
  const credentials = credentialsOf(accessKeyId)
  const client = new RDSDataClient({ endpoint: endpoints.rds_data, region: 'us-east-1', credentials })
  await client.send(
    new ExecuteStatementCommand({
      resourceArn: outputs.LedgerClusterArn,
      // The operator's role in Postgres may not insert rows. So the role that owns the tables inserts them.
      secretArn: arn('secretsmanager', 'secret:owner'),
      database: outputs.LedgerDatabase,
      sql: INSERT,
      parameters: [
        { name: 'user', value: { stringValue: user } },
        { name: 'count', value: { longValue: count } },
      ],
    }),
  )
  client.destroy()
}
