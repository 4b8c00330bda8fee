import { insideFauxqs } from './fair-queues.ts'

interface SqliteStatement {
  run(...values: unknown[]): unknown
}
interface Sqlite {
  exec(sql: string): void
}
interface PersistenceManager {
  readonly db: Sqlite
  prepareStatements(): Record<string, SqliteStatement>
  transaction(change: () => void): void
  close(): void
}
interface PersistenceModule {
  PersistenceManager: { prototype: PersistenceManager }
}

/**
 * The statements of fauxqs (the emulator of SQS) that write messages. Only they may be committed later than they run, since the answers to their
 * callers wait for `Written` (queue-calls.ts).
 */
const OF_MESSAGES = new Set(['insertMessage', 'deleteMessage', 'updateMessageInflight'])

/** Returns a promise that resolves when all messages that were written before the call are on disk. Undefined if they are on disk already. */
export type Written = () => Promise<void> | undefined

/**
 * Writes all messages of a turn of the event loop in one transaction, which is much faster. By itself, fauxqs has one transaction per message, and each
 * transaction waits until the disk has emptied its own cache. Committed messages survive if the process ends at any moment, as the records of the
 * tables do. But a power failure can destroy the last messages (ADR 0049). Call this before fauxqs starts.
 */
export async function writeInGroups(): Promise<Written> {
  const { PersistenceManager }: PersistenceModule = await import(insideFauxqs('persistence.js'))
  const { prototype } = PersistenceManager
  let open: { readonly db: Sqlite; readonly done: PromiseWithResolvers<void> } | undefined

  function begin(db: Sqlite): void {
    if (open) return
    db.exec('BEGIN')
    open = { db, done: Promise.withResolvers() }
    // If a timer of fauxqs wrote the message, no call waits for this promise. Without this handler, its rejection would end the thread.
    open.done.promise.catch(() => {})
    setImmediate(commit)
  }

  function commit(): void {
    const ending = open
    open = undefined
    try {
      ending?.db.exec('COMMIT')
      ending?.done.resolve()
    } catch (error) {
      rollBack(ending?.db)
      ending?.done.reject(error)
    }
  }

  const { prepareStatements, transaction, close } = prototype
  prototype.prepareStatements = function () {
    this.db.exec('PRAGMA synchronous = NORMAL')
    const statements = Reflect.apply(prepareStatements, this, [])
    for (const [name, statement] of Object.entries(statements)) {
      const { run } = statement
      statement.run = (...values) => {
        if (OF_MESSAGES.has(name)) begin(this.db)
        else commit()
        return Reflect.apply(run, statement, values)
      }
    }
    return statements
  }
  prototype.transaction = function (change) {
    commit()
    Reflect.apply(transaction, this, [change])
  }
  prototype.close = function () {
    commit()
    Reflect.apply(close, this, [])
  }
  return () => open?.done.promise
}

/** Ends a transaction whose commit has failed, if SQLite has not done it. Without this, no later transaction could begin. */
function rollBack(db: Sqlite | undefined): void {
  try {
    db?.exec('ROLLBACK')
  } catch {
    // SQLite has already ended the transaction.
  }
}
