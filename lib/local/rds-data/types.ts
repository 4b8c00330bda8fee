import type { Connection } from './database.ts'

/** A type in the catalogue of the database. */
export interface PgType {
  name: string
  /** The type of an array's elements. */
  element: PgType | undefined
}

/** Finds types by their ids. It reads the catalogue once. It reads the catalogue again if it does not know an id, for example after a migration. */
export type TypeCatalogue = (connection: Connection, typeIds: readonly number[]) => Promise<(typeId: number) => PgType>

const unknownType: PgType = { name: 'unknown', element: undefined }

export function openTypeCatalogue(): TypeCatalogue {
  const rows = new Map<number, { name: string; elementId: number }>()

  function typeOf(typeId: number): PgType {
    const row = rows.get(typeId)
    if (!row) return unknownType
    return { name: row.name, element: row.elementId === 0 ? undefined : typeOf(row.elementId) }
  }

  return async (connection, typeIds) => {
    if (typeIds.some(typeId => !rows.has(typeId))) {
      const sql = "SELECT oid, typname, CASE WHEN typcategory = 'A' THEN typelem ELSE 0 END FROM pg_type"
      for (const [typeId, name, elementId] of (await connection.query(sql)).rows)
        rows.set(Number(typeId), { name: name ?? '', elementId: Number(elementId) })
    }
    return typeOf
  }
}
