import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openDataFolder } from '../../lib/local/data-folder.ts'
import { temporaryFolder } from './fixtures/template.ts'

test('a data folder that a system uses can’t be opened by a second system until the first one closes it', () => {
  const path = join(temporaryFolder(), 'data')
  const first = openDataFolder(path)

  expect(() => openDataFolder(path)).toThrow(`${path} is in use by another npm start`)
  first.close()
  openDataFolder(path).close()
})

test('a data folder can be opened again if the process that used it was killed', async () => {
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

test('a data folder of a system in memory is an empty temporary folder, which is deleted when it is closed', () => {
  const folder = openDataFolder(':memory:')
  folder.writeJson('some.json', { a: 1 })

  expect(folder.readJson('some.json')).toEqual({ a: 1 })
  expect(folder.stateOf('tables')).toBeUndefined()
  folder.close()
  expect(existsSync(folder.path)).toBe(false)
})

test('the opening of a data folder deletes local.json (the addresses of a running system) if a killed process has left it', () => {
  const path = temporaryFolder()
  writeFileSync(join(path, 'local.json'), '{}')

  const folder = openDataFolder(path)

  expect(() => readFileSync(join(path, 'local.json'))).toThrow('ENOENT')
  folder.close()
})

test('a data folder that can’t be created is refused with an error', () => {
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

test('a data folder that can’t be locked is refused with an error', () => {
  const path = temporaryFolder()
  mkdirSync(join(path, 'lock'))

  expect(() => openDataFolder(path)).toThrow(
    expect.objectContaining({
      name: 'LocalError',
      message: `The data folder ${path} can't be used: unable to open database file`,
    }),
  )
})
