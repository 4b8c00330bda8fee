import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandOutput,
  type RDSDataClient,
  RollbackTransactionCommand,
} from '@aws-sdk/client-rds-data'
import type { LedgerEnv } from '../platform/env.ts'
import { MIGRATIONS } from './migrations.ts'

type Run = (sql: string) => Promise<ExecuteStatementCommandOutput>

/** Held by whoever migrates, to the end of its transaction: two `CREATE TABLE IF NOT EXISTS` at once can both fail. */
const LOCK = 'SELECT 1 FROM pg_advisory_xact_lock(1936487785)'

/**
 * Applies the migrations that are missing, each in a transaction of its own; repeated, it changes nothing. Two at once
 * wait for each other at the lock. Answers with the ids that it applied. Throws the Data API's exceptions.
 */
export async function migrate(client: RDSDataClient, env: LedgerEnv, migrations = MIGRATIONS): Promise<number[]> {
  const applied: number[] = []
  await locked(client, env, run =>
    run('CREATE TABLE IF NOT EXISTS migrations (id integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())'),
  )
  for (const { id, statements } of migrations)
    await locked(client, env, async run => {
      const { records = [] } = await run(`SELECT 1 FROM migrations WHERE id = ${id}`)
      if (records.length > 0) return
      for (const statement of statements) await run(statement)
      await run(`INSERT INTO migrations (id) VALUES (${id})`)
      applied.push(id)
    })
  return applied
}

/** Does `work` in a transaction, while nobody else migrates. */
async function locked(client: RDSDataClient, env: LedgerEnv, work: (run: Run) => Promise<unknown>): Promise<void> {
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
