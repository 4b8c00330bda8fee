import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { type Connection, type Database, toSqlError } from './database.ts'

/** Opens a Postgres in this process, in `folder` or in memory. It has one connection, so a second user waits for the first. */
export async function openPglite(folder?: string): Promise<Database> {
  const pglite = folder === undefined ? await PGlite.create('memory://') : await openFolder(folder)
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

// Opens the database in a folder. To create one takes seconds. A process that ends meanwhile leaves a database that can't be opened, so
// a file beside the database says that it is complete.
async function openFolder(folder: string): Promise<PGlite> {
  const database = join(folder, 'data')
  const isWhole = join(folder, 'is-whole')
  if (!existsSync(isWhole)) rmSync(database, { recursive: true, force: true })
  const pglite = await PGlite.create(database)
  writeFileSync(isWhole, '')
  return pglite
}
