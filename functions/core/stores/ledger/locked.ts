import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandOutput,
  type RDSDataClient,
  RollbackTransactionCommand,
} from '@aws-sdk/client-rds-data'
import type { LedgerEnv } from '../../platform/env.ts'

export type Run = (sql: string) => Promise<ExecuteStatementCommandOutput>

/**
 * A change of the schema or of the roles holds this lock to the end of its transaction. Without the lock, one of two
 * simultaneous statements `CREATE TABLE IF NOT EXISTS` could fail, and its deployment with it.
 */
const LOCK = 'SELECT 1 FROM pg_advisory_xact_lock(1936487785)'

/** Does `work` in a transaction, while no other change of the schema or of the roles runs. If it fails, nothing is changed. */
export async function locked(
  client: RDSDataClient,
  env: LedgerEnv,
  work: (run: Run) => Promise<unknown>,
): Promise<void> {
  const target = { resourceArn: env.LEDGER_CLUSTER_ARN, secretArn: env.LEDGER_SECRET_ARN }
  const database = env.LEDGER_DATABASE
  const { transactionId } = await client.send(new BeginTransactionCommand({ ...target, database }))
  const run: Run = sql => client.send(new ExecuteStatementCommand({ ...target, database, sql, transactionId }))
  try {
    await run(LOCK)
    await work(run)
    await client.send(new CommitTransactionCommand({ ...target, transactionId }))
  } catch (error) {
    await client.send(new RollbackTransactionCommand({ ...target, transactionId })).catch(() => undefined)
    throw error
  }
}
