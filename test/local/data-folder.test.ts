import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openDataFolder } from '../../lib/local/data-folder.ts'
import { temporaryFolder } from './fixtures/template.ts'

test('an open folder can’t be opened again until it is closed', () => {
  const path = join(temporaryFolder(), 'data')
  const first = openDataFolder(path)

  expect(() => openDataFolder(path)).toThrow(`${path} is in use by another npm start`)
  first.close()
  openDataFolder(path).close()
})

test('a folder is free if its process was killed', async () => {
  const path = join(temporaryFolder(), 'data')
  const module = fileURLToPath(new URL('../../lib/local/data-folder.ts', import.meta.url))
  const script = `const { openDataFolder } = await import(${JSON.stringify(module)})
    openDataFolder(${JSON.stringify(path)}); process.stdout.write('open'); setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(other.stdout, 'data')
  expect(() => openDataFolder(path)).toThrow('in use')

  other.kill('SIGKILL')
  await once(other, 'exit')

  openDataFolder(path).close()
})

test('a folder in memory is a temporary folder without state, and is deleted when it is closed', () => {
  const folder = openDataFolder(':memory:')
  folder.writeJson('some.json', { a: 1 })

  expect(folder.readJson('some.json')).toEqual({ a: 1 })
  expect(folder.stateOf('tables')).toBeUndefined()
  folder.close()
  expect(existsSync(folder.path)).toBe(false)
})

test('a local.json of a killed process is removed', () => {
  const path = temporaryFolder()
  writeFileSync(join(path, 'local.json'), '{}')

  const folder = openDataFolder(path)

  expect(() => readFileSync(join(path, 'local.json'))).toThrow('ENOENT')
  folder.close()
})

test('a folder that can’t be made is refused', () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')

  for (const path of [file, '/dev/null/data', join(file, 'a', 'b'), '/proc/none/data'])
    expect(() => openDataFolder(path)).toThrow(
      expect.objectContaining({
        name: 'LocalError',
        message: expect.stringContaining(`The data folder ${path} can't be used: `),
      }),
    )
})

test('a folder that can’t be locked is refused', () => {
  const path = temporaryFolder()
  mkdirSync(join(path, 'lock'))

  expect(() => openDataFolder(path)).toThrow(
    expect.objectContaining({
      name: 'LocalError',
      message: `The data folder ${path} can't be used: unable to open database file`,
    }),
  )
})
