import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openOnFirstUse } from '../../lib/local/rds-data/open-on-first-use.ts'
import { openPglite } from '../../lib/local/rds-data/pglite.ts'
import { temporaryFolder } from './fixtures/template.ts'

test('openOnFirstUse opens a database again at the next use if it could not be opened, and closes it whether it is open or not', {
  timeout: 120_000,
}, async () => {
  const folder = join(temporaryFolder(), 'postgres')
  writeFileSync(folder, 'not a folder')
  const database = openOnFirstUse(() => openPglite(folder))
  await expect(database.connect()).rejects.toThrow()
  await database.close()

  rmSync(folder)
  mkdirSync(folder)

  const connection = await database.connect()
  expect((await connection.query('SELECT 1 + 1')).rows).toEqual([['2']])
  connection.release()
  await database.close()
})

test('openOnFirstUse closes a database without an error even if its opening fails at the same time', async () => {
  const file = join(temporaryFolder(), 'postgres')
  writeFileSync(file, 'not a folder')
  const database = openOnFirstUse(() => openPglite(file))

  const connecting = database.connect()
  const closed = database.close()

  await expect(connecting).rejects.toThrow()
  await expect(closed).resolves.toBeUndefined()
})
