import { Pool, type PoolClient } from 'pg'
import { LocalError, messageOf } from '../error.ts'
import { addressOf } from './address.ts'
import { type Connection, type Database, toSqlError } from './database.ts'

const MAX_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 10_000
/** The Data API's limit for a statement. */
const STATEMENT_TIMEOUT_MS = 45_000
const asText = { getTypeParser: () => (text: string) => text }

/** Opens the Postgres at a `postgres://` URL. Throws LocalError if it can't be reached. The message does not contain the password. */
export async function openPostgres(url: string): Promise<Database> {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw new LocalError('DATABASE_URL must be the URL of a Postgres, such as postgres://me@127.0.0.1:5432/ledger')
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    options: '-c TimeZone=UTC',
  })
  // If an idle connection breaks, the pool replaces it. Without a listener, the error of this connection would end the thread.
  pool.on('error', () => {})
  try {
    const client = await pool.connect()
    client.release()
  } catch (error) {
    throw new LocalError(`DATABASE_URL (${addressOf(url)}) can't be reached: ${reason(error)}`)
  }
  return {
    connect: async () => connection(await pool.connect()),
    close: () => pool.end(),
  }
}

/**
 * The roles of connections. A connection keeps its role while it is idle in the pool. So its role must be known when it is used again. Otherwise a
 * statement could run with the rights of an earlier caller.
 */
const roles = new WeakMap<PoolClient, string>()

function connection(client: PoolClient): Connection {
  return {
    get role() {
      return roles.get(client)
    },
    set role(taken) {
      if (taken === undefined) roles.delete(client)
      else roles.set(client, taken)
    },
    async query(sql, values = []) {
      try {
        // The extended protocol of Postgres refuses two statements in one text, as the Data API does. So such a text fails here, too, and not only on AWS.
        const query = { text: sql, values, rowMode: 'array', types: asText, queryMode: 'extended' } as const
        const { fields, rows, rowCount, command } = await client.query<(string | null)[]>(query)
        return {
          columns: fields.map(field => ({ name: field.name, typeId: field.dataTypeID })),
          rows,
          affected: command === 'SELECT' ? 0 : (rowCount ?? 0),
        }
      } catch (error) {
        throw toSqlError(error)
      }
    },
    release: () => client.release(),
  }
}

// Returns the reason of an error. If a host name has several addresses, the error has an empty message, and one inner error per address.
function reason(error: unknown): string {
  return error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error)
}
