import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import type { LedgerEnv } from '../../platform/env.ts'
import { locked } from './locked.ts'
import { MIGRATIONS } from './migrations.ts'

/**
 * Applies the missing migrations, each in its own transaction. A repetition changes nothing. Two simultaneous
 * migrations wait for each other at the lock. Returns the ids that it applied. Throws the Data API's exceptions.
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
