import type { Database } from './database.ts'

/**
 * Opens a database at its first use. The creation of a database takes seconds, and the start of a template without a database need not wait for it.
 * If the database can't be opened, the next use tries again.
 */
export function openOnFirstUse(open: () => Promise<Database>): Database {
  let opening: Promise<Database> | undefined

  async function opened(): Promise<Database> {
    opening ??= open()
    const mine = opening
    try {
      return await mine
    } catch (error) {
      if (opening === mine) opening = undefined
      throw error
    }
  }

  return {
    connect: async () => (await opened()).connect(),
    async close() {
      // A database that could not be opened need not be closed.
      const database = await opening?.catch(() => undefined)
      await database?.close()
    },
  }
}
