import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { type Connection, type Database, toSqlError } from './database.ts'

/** Makes the files of an empty database in a folder. */
export type MakeDatabase = (folder: string) => Promise<void>

/**
 * The parameters with which PGlite starts Postgres. Postgres writes to all of its shared buffers at its start, so the default of 128 MB would be most of
 * the memory of this process. Data that does not fit into 8 MB is still in the file system's cache, so few reads wait for the disk.
 */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=8MB']

/**
 * Opens a Postgres in this process, in `folder` or in memory. It has one connection, so a second caller of `connect` waits until the first has released
 * the connection. If the folder has no database, `make` makes its files. Without `make`, Postgres itself makes them.
 */
export async function openPglite(folder?: string, make?: MakeDatabase): Promise<Database> {
  const pglite =
    folder === undefined ? await PGlite.create('memory://', { startParams }) : await openFolder(folder, make)
  await pglite.exec("SET TIME ZONE 'UTC'")
  const asText = Object.fromEntries(Object.keys(pglite.parsers).map(typeId => [typeId, (text: string) => text]))
  let lastReleased = Promise.resolve()
  let role: string | undefined

  return {
    async connect(): Promise<Connection> {
      const { promise: released, resolve: release } = Promise.withResolvers<void>()
      const turn = lastReleased
      lastReleased = released
      await turn
      return {
        get role() {
          return role
        },
        set role(taken) {
          role = taken
        },
        async query(sql, values = []) {
          try {
            const options = { rowMode: 'array', parsers: asText, serializers: asText } as const
            const { fields, rows, affectedRows } = await pglite.query<(string | null)[]>(sql, values, options)
            return {
              columns: fields.map(field => ({ name: field.name, typeId: field.dataTypeID })),
              rows,
              affected: affectedRows ?? 0,
            }
          } catch (error) {
            throw toSqlError(error)
          }
        },
        release,
      }
    },
    close: () => pglite.close(),
  }
}

// Opens the database in a folder. The creation of a database takes seconds. If the process ends during this time, it leaves files that Postgres can't
// open. So the file `is-whole` beside the database says that the database is complete. Without this file, the database is made anew.
async function openFolder(folder: string, make?: MakeDatabase): Promise<PGlite> {
  const database = join(folder, 'data')
  const isWhole = join(folder, 'is-whole')
  if (!existsSync(isWhole)) {
    rmSync(database, { recursive: true, force: true })
    await make?.(database)
  }
  const pglite = await PGlite.create(database, { startParams })
  writeFileSync(isWhole, '')
  return pglite
}
