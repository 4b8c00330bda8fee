import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type RDSDataClient,
  RollbackTransactionCommand,
} from '@aws-sdk/client-rds-data'
import type { LedgerEnv } from '../platform/env.ts'
import { MIGRATIONS } from './migrations.ts'

/**
 * Applies the migrations that are missing, each in a transaction of its own; repeated, it changes nothing. Two at once
 * wait for each other at the lock. Answers with the ids that it applied. Throws the Data API's exceptions.
 */
export async function migrate(client: RDSDataClient, env: LedgerEnv, migrations = MIGRATIONS): Promise<number[]> {
  const target = { resourceArn: env.LEDGER_CLUSTER_ARN, secretArn: env.LEDGER_SECRET_ARN }
  const run = (sql: string, transactionId?: string) =>
    client.send(new ExecuteStatementCommand({ ...target, database: env.LEDGER_DATABASE, sql, transactionId }))

  await run('CREATE TABLE IF NOT EXISTS migrations (id integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())')
  const applied: number[] = []
  for (const { id, statements } of migrations) {
    const { transactionId } = await client.send(
      new BeginTransactionCommand({ ...target, database: env.LEDGER_DATABASE }),
    )
    try {
      await run('LOCK TABLE migrations IN EXCLUSIVE MODE', transactionId)
      const { records = [] } = await run(`SELECT 1 FROM migrations WHERE id = ${id}`, transactionId)
      if (records.length === 0) {
        for (const statement of statements) await run(statement, transactionId)
        await run(`INSERT INTO migrations (id) VALUES (${id})`, transactionId)
        applied.push(id)
      }
      await client.send(new CommitTransactionCommand({ ...target, transactionId }))
    } catch (error) {
      await client.send(new RollbackTransactionCommand({ ...target, transactionId })).catch(() => undefined)
      throw error
    }
  }
  return applied
}
