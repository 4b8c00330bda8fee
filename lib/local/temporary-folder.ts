import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const PREFIX = 'sluice-'
const NAME = /^sluice-[A-Za-z0-9]{6}$/

/** The file that says that a folder is temporary. A folder that the user has named has no such file, whatever its name is. */
const MARK = '.sluice-temporary'

/** The file in each data folder on which the process of the folder has a lock of SQLite. */
export const LOCK = 'lock'

export const makeTemporaryFolder = (): string => mkdtempSync(join(tmpdir(), PREFIX))

/** Says of a folder that a later start may delete it once no process has its lock. Call it with the lock. */
export const markTemporary = (path: string): void => writeFileSync(join(path, MARK), '', { mode: 0o600 })

/** Says of a folder that it stays: a user has named it. Call it with the lock. */
export const unmarkTemporary = (path: string): void => rmSync(join(path, MARK), { force: true })

/** Deletes a temporary folder. The mark goes last, so that a later start deletes the rest if this process is killed meanwhile. */
export function deleteTemporary(path: string): void {
  const names = namesIn(path).filter(name => name !== MARK && name !== LOCK)
  for (const name of names) rmSync(join(path, name), { recursive: true, force: true })
  rmSync(path, { recursive: true, force: true })
}

/** Deletes the temporary folders of processes that were killed. They may contain prompts, in the files of Postgres. */
export function deleteLeftFolders(): void {
  for (const name of namesIn(tmpdir())) {
    const path = join(tmpdir(), name)
    try {
      if (NAME.test(name) && isOwn(path) && existsSync(join(path, MARK))) deleteIfFree(path)
    } catch {
      // Another process has its lock, or is deleting it.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Whether it is a folder of this user. Where all users may write, a link or a folder of somebody else may have any name. */
function isOwn(path: string): boolean {
  const found = lstatSync(path)
  return found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid)
}

/** Throws if another process has the lock, or if there is none. */
function deleteIfFree(path: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const lock = pathToFileURL(join(path, LOCK))
  lock.search = 'mode=rw' // makes no file
  const database = new DatabaseSync(lock, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    // The mark may have gone before the lock was taken.
    if (existsSync(join(path, MARK))) deleteTemporary(path)
  } finally {
    database.close()
  }
}
