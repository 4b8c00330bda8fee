import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LocalError, messageOf } from './error.ts'

export type DataFolder = {
  /** The folder's absolute path; with `:memory:` a temporary one, for logs and local.json alone. */
  path: string
  /** Where an emulator keeps its state, or undefined if it keeps none. */
  stateOf(emulator: string): string | undefined
  readJson(name: string): unknown
  /** Writes a file in one step: who reads it sees the old or the new one whole. */
  writeJson(name: string, value: unknown): void
  remove(name: string): void
  /** Unlocks the folder; a temporary one is deleted. */
  close(): void
}

/** Opens the folder for this process alone. Throws LocalError if another one has it open, or it can't be written. */
export function openDataFolder(dataDir: string): DataFolder {
  const isTemporary = dataDir === ':memory:'
  const path = isTemporary ? mkdtempSync(join(tmpdir(), 'sluice-')) : makeFolder(resolve(dataDir))
  mkdirSync(join(path, 'logs'), { recursive: true })
  const unlock = lock(path, dataDir)
  const removeTemporary = () => {
    if (isTemporary) rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', removeTemporary) // for an end that comes before close
  rmSync(join(path, 'local.json'), { force: true }) // left by one that was killed

  return {
    path,
    stateOf: emulator => (isTemporary ? undefined : makeFolder(join(path, emulator))),
    readJson(name) {
      try {
        return JSON.parse(readFileSync(join(path, name), 'utf8'))
      } catch {
        return undefined
      }
    },
    writeJson(name, value) {
      const unfinished = join(path, `${name}.new`)
      writeFileSync(unfinished, `${JSON.stringify(value, null, 2)}\n`)
      renameSync(unfinished, join(path, name))
    },
    remove: name => rmSync(join(path, name), { force: true }),
    close() {
      unlock()
      removeTemporary()
      process.off('exit', removeTemporary)
    },
  }
}

function makeFolder(path: string): string {
  try {
    // Where nothing can be made though the parent is there, as in /proc, Node's recursive mkdir never ends.
    if (!existsSync(path)) mkdirSync(path, { recursive: !existsSync(dirname(path)) })
  } catch (error) {
    throw new LocalError(`The data folder ${path} can't be made: ${messageOf(error)}`)
  }
  return path
}

// SQLite's lock is the operating system's: it ends with its process, however that ends, which a file with a pid does not.
function lock(path: string, dataDir: string): () => void {
  const database = new DatabaseSync(join(path, 'lock'), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch {
    database.close()
    throw new LocalError(
      `${dataDir} is in use by another npm start: stop it, or choose another folder with SLUICE_DATA.`,
    )
  }
  return () => database.close()
}
