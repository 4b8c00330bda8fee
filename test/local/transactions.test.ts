import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection, Database } from '../../lib/local/rds-data/database.ts'
import { openTransactions } from '../../lib/local/rds-data/transactions.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function fakeDatabase() {
  const log: string[] = []
  const connection: Connection = {
    role: undefined,
    async query(sql) {
      log.push(sql)
      return { columns: [], rows: [], affected: 0 }
    },
    release: () => log.push('released'),
  }
  const database: Database = { connect: async () => connection, close: async () => {} }
  return { database, log }
}

test('a transaction of the local RDS Data API is rolled back and removed if no call uses it for ten seconds', async () => {
  const { database, log } = fakeDatabase()
  const transactions = openTransactions(database)
  const id = await transactions.begin('arn:secret')

  await vi.advanceTimersByTimeAsync(9000)
  await transactions.use(id, 'arn:secret', connection => connection.query('SELECT 1'))
  await vi.advanceTimersByTimeAsync(9999)
  expect(log).toEqual(['BEGIN', 'SELECT 1'])
  await vi.advanceTimersByTimeAsync(1)

  expect(log).toEqual(['BEGIN', 'SELECT 1', 'ROLLBACK', 'released'])
  await expect(transactions.end(id, 'COMMIT')).rejects.toThrow(`Transaction ${id} is not found`)
})

test('a transaction of the local RDS Data API refuses a statement while another statement runs', async () => {
  const { database } = fakeDatabase()
  const transactions = openTransactions(database)
  const id = await transactions.begin('arn:secret')
  const first = Promise.withResolvers<void>()

  const running = transactions.use(id, 'arn:secret', () => first.promise)
  await expect(transactions.use(id, 'arn:secret', async () => {})).rejects.toThrow(
    'Transaction is still running a query',
  )
  first.resolve()
  await running
  await transactions.end(id, 'COMMIT')
})

test('the local RDS Data API rolls back open transactions when its server is closed', async () => {
  const { database, log } = fakeDatabase()
  const transactions = openTransactions(database)
  await transactions.begin('arn:secret')

  await transactions.close()

  expect(log).toEqual(['BEGIN', 'ROLLBACK', 'released'])
})
