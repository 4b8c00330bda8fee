import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { Database } from '../rds-data/database.ts'
import { openPglite } from '../rds-data/pglite.ts'
import { openPostgres } from '../rds-data/postgres.ts'
import { rolesOfSecrets } from '../rds-data/roles.ts'
import { startDataApi } from '../rds-data/server.ts'
import { note, serve } from './serve.ts'

/**
 * Who may call, and the database: the Postgres at `url`, else an embedded one that lives in `folder`, else an embedded one in
 * memory. With `secrets`, the data folder in which they are, statements have the roles of their secrets.
 */
export interface RdsDataData {
  accessKeyId: string
  url?: string
  folder?: string
  secrets?: string
}

const { accessKeyId, url, folder, secrets } = workerData as RdsDataData

keepFilesPrivate()

await serve(async () =>
  startDataApi(await openDatabase(), accessKeyId, secrets === undefined ? undefined : rolesOfSecrets(secrets, note)),
)

async function openDatabase(): Promise<Database> {
  if (url) return openPostgres(url)
  if (folder) return openPglite(folder)
  return openOnFirstUse(() => openPglite())
}

// Making an empty database takes seconds, which a template without one needn't wait for.
function openOnFirstUse(open: () => Promise<Database>): Database {
  let opening: Promise<Database> | undefined
  return {
    async connect() {
      opening ??= open()
      return (await opening).connect()
    },
    async close() {
      await (await opening)?.close()
    },
  }
}

// PGlite sets the mode of each file that it makes, to one that others may read, whatever the mask is. A thread has node:fs to itself.
function keepFilesPrivate(): void {
  const { chmodSync, fchmodSync } = fs
  fs.chmodSync = (path, mode) => chmodSync(path, Number(mode) & ~0o077)
  fs.fchmodSync = (file, mode) => fchmodSync(file, Number(mode) & ~0o077)
  syncBuiltinESMExports()
}
