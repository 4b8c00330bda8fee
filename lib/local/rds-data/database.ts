/** A value in Postgres's text form. */
export type SqlValue = string | null

export interface SqlResult {
  columns: { name: string; typeId: number }[]
  rows: SqlValue[][]
  /** The number of rows that were inserted, updated or deleted. It is 0 for a query. */
  affected: number
}

export interface Connection {
  /** Runs one statement with the parameters `$1` …. Rejects with SqlError if Postgres refuses it. */
  query(sql: string, values?: SqlValue[]): Promise<SqlResult>
  /** The role with which statements run, set by `ActAs`. If it is undefined, statements run as the user with which the connection was opened. */
  role: string | undefined
  /** Returns the connection to its pool. It must not be in a transaction. Otherwise the statements of the next user would become part of this transaction. */
  release(): void
}

/** A Postgres: the embedded one, or the one at `DATABASE_URL`. */
export interface Database {
  /** Waits until a connection is free. */
  connect(): Promise<Connection>
  close(): Promise<void>
}

/** An error with which Postgres refuses a statement, with Postgres's own message. */
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

/** Converts a driver's error to a SqlError if it has an SQLState. Other errors stay as they are. */
export function toSqlError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error
  if (!/^[0-9A-Z]{5}$/.test(error.code)) return error
  const position = 'position' in error && typeof error.position === 'string' ? error.position : undefined
  return new SqlError(error.message, error.code, position)
}
