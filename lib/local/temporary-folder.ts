import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const PREFIX = 'sluice-'
const NAME = /^sluice-[A-Za-z0-9]{6}$/

/** The mark: a file that only temporary folders have. A folder that the user has chosen has no such file, whatever its name is. */
const MARK = '.sluice-temporary'

/** The file in a data folder on which the process that uses the folder holds a lock of SQLite. */
export const LOCK = 'lock'

export const makeTemporaryFolder = (): string => mkdtempSync(join(tmpdir(), PREFIX))

/** Marks a folder as temporary. A later start may delete a marked folder when no process has its lock. The caller must have the lock. */
export const markTemporary = (path: string): void => writeFileSync(join(path, MARK), '', { mode: 0o600 })

/** Removes the mark from a folder that a user has chosen. The caller must have the lock. */
export const unmarkTemporary = (path: string): void => rmSync(join(path, MARK), { force: true })

/** Deletes a temporary folder. The mark and the lock file go last. So if this process is killed during the deletion, a later start deletes the rest. */
export function deleteTemporary(path: string): void {
  const names = namesIn(path).filter(name => name !== MARK && name !== LOCK)
  for (const name of names) rmSync(join(path, name), { recursive: true, force: true })
  rmSync(path, { recursive: true, force: true })
}

/** Deletes the temporary folders that killed processes have left, because the files of Postgres in them may contain prompts. */
export function deleteLeftFolders(): void {
  for (const name of namesIn(tmpdir())) {
    const path = join(tmpdir(), name)
    try {
      if (NAME.test(name) && isOwn(path) && existsSync(join(path, MARK))) deleteIfFree(path)
    } catch {
      // Another process has the folder's lock, or is deleting the folder.
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

/**
 * Whether the path is a folder of this user. All users may write to the folder of temporary files. So the path may be another user's folder, or a
 * link to a folder that must not be deleted.
 */
function isOwn(path: string): boolean {
  const found = lstatSync(path)
  return found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid)
}

/** Deletes a temporary folder that no process uses. Throws if another process has the lock, or if the folder has no lock file. */
function deleteIfFree(path: string): void {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const lock = pathToFileURL(join(path, LOCK))
  lock.search = 'mode=rw' // does not create the file if it is missing
  const database = new DatabaseSync(lock, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    // Another process may have removed the mark before this process had the lock, because its user has chosen this folder. Then the folder must stay.
    if (existsSync(join(path, MARK))) deleteTemporary(path)
  } finally {
    database.close()
  }
}
