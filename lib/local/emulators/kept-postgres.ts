import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import * as z from 'zod'
import { moduleBeside } from '../module-beside.ts'
import type { MakeDatabase } from '../rds-data/pglite.ts'
import { makeUnfinished } from '../unfinished.ts'

const PREFIX = 'postgres-'

/**
 * Makes the files of an empty database. It copies them from the empty database that an earlier start has kept below `folder`, because Postgres needs
 * seconds of CPU time for a new database, and a copy takes a tenth of a second. Without `folder`, Postgres makes each database, and none is kept.
 */
export const makeDatabase =
  (folder: string | undefined): MakeDatabase =>
  async database => {
    if (folder === undefined) return makeIn(database)
    const kept = join(folder, `${PREFIX}${versionOfPglite()}`)
    if (!existsSync(kept)) await keep(folder, kept)
    if (existsSync(kept)) cpSync(kept, database, { recursive: true })
    else await makeIn(database)
  }

/** Makes a database in a new folder and then renames the folder, so no process copies an incomplete database. Deletes databases of other versions. */
async function keep(folder: string, kept: string): Promise<void> {
  let unfinished: string | undefined
  try {
    mkdirSync(folder, { recursive: true })
    const older = readdirSync(folder).filter(name => name.startsWith(PREFIX))
    unfinished = makeUnfinished(folder)
    const database = join(unfinished, 'data')
    await makeIn(database)
    renameSync(database, kept)
    for (const name of older) rmSync(join(folder, name), { recursive: true, force: true })
  } catch {
    // Another process has just kept a database, or the folder is read-only. The caller then copies the other database, or makes one without keeping it.
  } finally {
    if (unfinished !== undefined) rmSync(unfinished, { recursive: true, force: true })
  }
}

async function makeIn(database: string): Promise<void> {
  mkdirSync(dirname(database), { recursive: true })
  const worker = new Worker(moduleBeside(import.meta.url, 'make-postgres'), { workerData: database })
  const [code] = await once(worker, 'exit')
  if (code !== 0) throw new Error(`Postgres made no database: its thread ended with ${code}`)
}

const Package = z.object({ version: z.string() })

/** Returns the version of PGlite. The files of a database work only with the version that has made them, so this version is in the name of their folder. */
function versionOfPglite(): string {
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  return Package.parse(JSON.parse(readFileSync(join(dirname(main), '..', 'package.json'), 'utf8'))).version
}
