import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { LocalError, messageOf } from './error.ts'
import { deleteTemporary, LOCK, makeTemporaryFolder, markTemporary, unmarkTemporary } from './temporary-folder.ts'
import { AWS_FILE } from './trust/aws-file.ts'

export interface DataFolder {
  /** The folder's absolute path. With `:memory:`, the folder is temporary and contains logs, local.json and Postgres. `close` then deletes the folder. */
  path: string
  /** Returns the folder for an emulator's state. Undefined if the emulator keeps its state in memory. */
  stateOf(emulator: string): string | undefined
  readJson(name: string): unknown
  /** Writes a file in one step: a reader finds the complete old file or the complete new file. */
  writeJson(name: string, value: unknown): void
  remove(name: string): void
  /** Unlocks the folder, and deletes it if it is temporary. */
  close(): void
}

/** Opens the folder and locks it for this process. Throws LocalError if another process has the lock, or if this process can't write to the folder. */
export function openDataFolder(dataDir: string): DataFolder {
  const isTemporary = dataDir === ':memory:'
  const path = isTemporary ? makeTemporaryFolder() : makeFolder(resolve(dataDir))
  closeToOthers(path)
  makeFolder(join(path, 'logs'))
  const unlock = lock(path, dataDir)
  if (isTemporary) markTemporary(path)
  else unmarkTemporary(path)
  const removeTemporary = () => {
    if (isTemporary) deleteTemporary(path)
  }
  const removeAtExit = () => {
    try {
      removeTemporary()
    } catch {
      // The deletion fails if a thread is still writing to the folder. The file that marks the folder as temporary stays, so a later start deletes the folder.
    }
  }
  process.once('exit', removeAtExit) // in case the process ends before close
  // A killed process may have left these files. Other programs would take them for the addresses and the access key id of a running system.
  for (const left of ['local.json', AWS_FILE]) rmSync(join(path, left), { force: true })

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
      writeFileSync(unfinished, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
      renameSync(unfinished, join(path, name))
    },
    remove: name => rmSync(join(path, name), { force: true }),
    close() {
      unlock()
      removeTemporary()
      process.off('exit', removeAtExit)
    },
  }
}

function makeFolder(path: string): string {
  try {
    makeFolders(path)
    accessSync(path, constants.W_OK)
  } catch (error) {
    throw unusable(path, error)
  }
  return path
}

// Creates a folder and its parents. Node's own recursive mkdir is not used, because it never ends if a parent exists but can't contain folders, as in /proc.
function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  makeFolders(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

/**
 * The files and folders that earlier versions of Sluice created with read permission for all users. Only their permissions are changed, since the data
 * folder may also contain files that are not Sluice's.
 */
const OWN_NAMES = [
  'local.json',
  'demo-key',
  'lock',
  'custom-resources.json',
  'logs',
  'queues',
  'tables',
  'postgres',
  'cdk.out',
]

/** Removes the permissions of other users of this machine, from the data folder and from the files in `OWN_NAMES`. */
function closeToOthers(path: string): void {
  try {
    if ((statSync(path).mode & 0o077) === 0) return
    chmodSync(path, 0o700)
    for (const name of OWN_NAMES) closeTree(join(path, name))
  } catch (error) {
    throw unusable(path, error)
  }
}

/** Removes the permissions of other users of this machine, from a file, or from a folder and everything in it. */
export function closeTree(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) {
    chmodSync(path, 0o700)
    for (const name of readdirSync(path)) closeTree(join(path, name))
  } else if (found?.isFile()) chmodSync(path, 0o600)
}

// Locks the folder with a lock of SQLite, since the operating system releases this lock however the process ends. A file with a pid would stay after a kill,
// and the next start could not know whether the file still counts.
function lock(path: string, dataDir: string): () => void {
  const sqlite = process.getBuiltinModule?.('node:sqlite')
  if (!sqlite) throw new LocalError(`${dataDir} can be locked only by Node 24 or later: run this command with that.`)
  let database: DatabaseSync | undefined
  try {
    database = new sqlite.DatabaseSync(join(path, LOCK), { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    throw isBusy(error) ? inUse(dataDir) : unusable(path, error)
  }
  return () => database.close()
}

const inUse = (dataDir: string) =>
  new LocalError(`${dataDir} is in use by another npm start: stop it, or choose another folder with SLUICE_DATA.`)

const unusable = (path: string, error: unknown) =>
  new LocalError(`The data folder ${path} can't be used: ${messageOf(error)}`)

/** Whether SQLite gave its error 5 (SQLITE_BUSY): another process has the lock. */
const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === 5
