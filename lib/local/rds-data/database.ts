/** A value as it is sent to or comes from Postgres, in its text form. */
export type SqlValue = string | null

export interface SqlResult {
  columns: { name: string; typeId: number }[]
  rows: SqlValue[][]
  /** Rows inserted, updated or deleted; 0 for a query. */
  affected: number
}

export interface Connection {
  /** One statement, `$1` … in it. Rejects with SqlError for what Postgres refuses. */
  query(sql: string, values?: SqlValue[]): Promise<SqlResult>
  /** The role that its statements have, so far as `actAs` knows; undefined: the user that it was made with. */
  role: string | undefined
  /** Gives the connection back. It must not be in a transaction. */
  release(): void
}

/** A Postgres, whichever it is. */
export interface Database {
  /** Waits until a connection is free. */
  connect(): Promise<Connection>
  close(): Promise<void>
}

/** What Postgres refused, in its own words. */
export class SqlError extends Error {
  override readonly name = 'SqlError'
  readonly sqlState: string
  readonly position: string | undefined

  constructor(message: string, sqlState: string, position?: string) {
    super(message)
    this.sqlState = sqlState
    this.position = position
  }
}

/** Turns a driver's error into a SqlError if it carries an SQLState, and leaves any other as it is. */
export function toSqlError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error
  if (!/^[0-9A-Z]{5}$/.test(error.code)) return error
  const position = 'position' in error && typeof error.position === 'string' ? error.position : undefined
  return new SqlError(error.message, error.code, position)
}
