import { workerData } from 'node:worker_threads'
import type { Database } from '../rds-data/database.ts'
import { openOnFirstUse } from '../rds-data/open-on-first-use.ts'
import { openPglite } from '../rds-data/pglite.ts'
import { openPostgres } from '../rds-data/postgres.ts'
import { rolesOfSecrets } from '../rds-data/roles.ts'
import { startDataApi } from '../rds-data/server.ts'
import { makeDatabase } from './kept-postgres.ts'
import { keepFilesPrivate } from './private-files.ts'
import { note, serve } from './serve.ts'

/**
 * The access key id of callers, and the database: the Postgres at `url`, or an embedded Postgres in `folder` or in memory. With `lazy`, an
 * embedded database is opened at its first use. A new database is a copy of the empty database that is kept below `kept`. `secrets` is the
 * data folder, which has the secrets file. With `secrets`, each statement runs with the database role that its secret names.
 */
export interface RdsDataData {
  accessKeyId: string
  url?: string
  folder?: string
  lazy?: boolean
  kept?: string
  secrets?: string
}

const { accessKeyId, url, folder, lazy, kept, secrets } = workerData as RdsDataData

keepFilesPrivate()

await serve(async () =>
  startDataApi(await openDatabase(), accessKeyId, secrets === undefined ? undefined : rolesOfSecrets(secrets, note)),
)

async function openDatabase(): Promise<Database> {
  if (url) return openPostgres(url)
  const open = () => openPglite(folder, makeDatabase(kept))
  return folder && !lazy ? open() : openOnFirstUse(open)
}
