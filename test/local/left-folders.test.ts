import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openDataFolder } from '../../lib/local/data-folder.ts'
import { startSmall, temporaryFolder } from './fixtures/template.ts'

let tmp: string
const others: ChildProcess[] = []
beforeEach(() => {
  tmp = temporaryFolder()
  vi.stubEnv('TMPDIR', tmp)
})
afterEach(async () => {
  for (const other of others.splice(0)) await kill(other)
  vi.unstubAllEnvs()
})

/** Starts another process that uses a temporary data folder, which has a file of its Postgres. */
async function startOther(): Promise<{ process: ChildProcess; path: string }> {
  const module = fileURLToPath(new URL('../../lib/local/data-folder.ts', import.meta.url))
  const script = `const { openDataFolder } = await import(${JSON.stringify(module)})
    const { mkdirSync, writeFileSync } = await import('node:fs')
    const { path } = openDataFolder(':memory:')
    mkdirSync(path + '/postgres')
    writeFileSync(path + '/postgres/rows', 'a prompt')
    process.stdout.write(path); setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  others.push(other)
  const [path] = await once(other.stdout, 'data')
  return { process: other, path: String(path) }
}

async function kill(other: ChildProcess): Promise<void> {
  if (other.exitCode !== null || other.signalCode !== null) return
  const exited = once(other, 'exit')
  other.kill('SIGKILL')
  await exited
}

const start = async () => (await startSmall({ Resources: {} })).close()

test('a start deletes the temporary folder of a killed process, but not the temporary folder of a running process', async () => {
  const [killed, running] = [await startOther(), await startOther()]
  await kill(killed.process)
  expect(existsSync(join(killed.path, 'postgres', 'rows'))).toBe(true)

  await start()

  expect(existsSync(killed.path)).toBe(false)
  expect(existsSync(join(running.path, 'postgres', 'rows'))).toBe(true)
})

test('a start never deletes a folder that a user has chosen, even if its name looks like that of a temporary folder', async () => {
  const named = join(tmp, 'sluice-backup')
  openDataFolder(named).close()
  const others = ['sluice-others', 'sluice-abcdef'].map(name => join(tmp, name))
  for (const folder of others) {
    mkdirSync(folder)
    writeFileSync(join(folder, 'lock'), '')
  }

  await start()

  for (const folder of [named, ...others]) expect(existsSync(folder), basename(folder)).toBe(true)
})

test('a start does not delete a temporary folder that a user has later chosen as data folder', async () => {
  const left = await startOther()
  await kill(left.process)
  openDataFolder(left.path).close()

  await start()

  expect(existsSync(join(left.path, 'postgres', 'rows'))).toBe(true)
  rmSync(left.path, { recursive: true })
})
