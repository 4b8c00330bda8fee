import { randomUUID } from 'node:crypto'
import type { Connection, Database } from './database.ts'
import { DataApiError } from './errors.ts'
import { type ActAs, actAsOneUser } from './roles.ts'

/**
 * If a transaction has no call for this time, it is rolled back. AWS allows three minutes. The time is shorter here, because the embedded
 * Postgres has one connection, and all other calls wait while a transaction has it. Milliseconds.
 */
const MAX_IDLE_MS = 10_000

interface Transaction {
  connection: Connection
  idle: NodeJS.Timeout
  running: boolean
}

export interface Transactions {
  /** Calls `run` with the connection of the transaction `id`. Without an id, `run` gets a free connection, with the role of the secret. */
  use<Result>(
    id: string | undefined,
    secretArn: string,
    run: (connection: Connection) => Promise<Result>,
  ): Promise<Result>
  begin(secretArn: string): Promise<string>
  end(id: string, how: 'COMMIT' | 'ROLLBACK'): Promise<void>
  /** Rolls back all open transactions. */
  close(): Promise<void>
}

export function openTransactions(database: Database, actAs: ActAs = actAsOneUser): Transactions {
  const open = new Map<string, Transaction>()

  const find = (id: string): Transaction => {
    const transaction = open.get(id)
    if (!transaction) throw new DataApiError('TransactionNotFoundException', `Transaction ${id} is not found`, 404)
    if (transaction.running) throw new DataApiError('DatabaseErrorException', 'Transaction is still running a query')
    return transaction
  }

  const end: Transactions['end'] = async (id, how) => {
    const { connection, idle } = find(id)
    open.delete(id)
    clearTimeout(idle)
    try {
      await connection.query(how)
    } finally {
      connection.release()
    }
  }

  const idleTimer = (id: string) => setTimeout(() => void end(id, 'ROLLBACK').catch(() => {}), MAX_IDLE_MS)

  return {
    async use(id, secretArn, run) {
      if (id === undefined) {
        const connection = await database.connect()
        try {
          await actAs(connection, secretArn)
          return await run(connection)
        } finally {
          connection.release()
        }
      }
      const transaction = find(id)
      clearTimeout(transaction.idle)
      transaction.running = true
      try {
        return await run(transaction.connection)
      } finally {
        transaction.running = false
        transaction.idle = idleTimer(id)
      }
    },

    async begin(secretArn) {
      const connection = await database.connect()
      const id = randomUUID()
      try {
        await actAs(connection, secretArn)
        await connection.query('BEGIN')
      } catch (error) {
        connection.release()
        throw error
      }
      open.set(id, { connection, idle: idleTimer(id), running: false })
      return id
    },

    end,

    async close() {
      await Promise.allSettled([...open.keys()].map(id => end(id, 'ROLLBACK')))
    },
  }
}
