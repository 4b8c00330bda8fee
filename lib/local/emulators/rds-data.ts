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
 * The access key id of callers, and the database: the Postgres at `url`, or an embedded one in `folder`, or an embedded one in memory.
 * `secrets` is the data folder with the secrets file. If it is given, each statement runs with the role of its secret.
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

// Opens the database at its first use. To create one takes seconds, and a template without a database need not wait for it.
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

// Keeps PGlite's files private: it sets the mode of each file so that others may read it, and ignores the umask. The change of node:fs
// affects only this thread.
function keepFilesPrivate(): void {
  const { chmodSync, fchmodSync } = fs
  fs.chmodSync = (path, mode) => chmodSync(path, Number(mode) & ~0o077)
  fs.fchmodSync = (file, mode) => fchmodSync(file, Number(mode) & ~0o077)
  syncBuiltinESMExports()
}
