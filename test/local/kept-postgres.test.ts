import { globSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDatabase } from '../../lib/local/emulators/kept-postgres.ts'
import { openPglite } from '../../lib/local/rds-data/pglite.ts'
import { temporaryFolder } from './fixtures/template.ts'

test('the local system makes an empty Postgres database once, stores it readable only for its owner, and copies it at later starts', {
  timeout: 300_000,
}, async () => {
  const kept = temporaryFolder()
  // An unfinished database of an interrupted start, which is deleted.
  mkdirSync(join(kept, 'unfinished-abandoned'))
  utimesSync(join(kept, 'unfinished-abandoned'), 0, 0)
  await makeDatabase(kept)(join(temporaryFolder(), 'data'))
  const [name = '', ...others] = readdirSync(kept)
  expect(name).toMatch(/^postgres-\d+\.\d+\.\d+/)
  expect(others).toEqual([])
  // Only the modes of files are checked. Those of folders depend on the umask of the process, which lib/start.ts sets.
  const files = globSync('**', { cwd: join(kept, name) }).filter(file => statSync(join(kept, name, file)).isFile())
  expect(files.length).toBeGreaterThan(500)
  expect(files.filter(file => (statSync(join(kept, name, file)).mode & 0o077) !== 0)).toEqual([])
  writeFileSync(join(kept, name, 'mark'), '')

  const folder = temporaryFolder()
  const database = await openPglite(folder, makeDatabase(kept))

  expect(readdirSync(join(folder, 'data'))).toContain('mark')
  const connection = await database.connect()
  const { rows } = await connection.query("SELECT current_setting('shared_buffers'), 1 + 1")
  expect(rows).toEqual([['8MB', '2']])
  connection.release()
  await database.close()
})
