import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = 'unfinished-'

/** An unfinished folder is complete after some seconds. So a folder older than this was left by a process that has ended, and is deleted. Milliseconds. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000

/**
 * Makes a new folder in `folder`. The caller fills the new folder, and renames it when its content is complete. So nobody reads an incomplete folder.
 * If a process ends before it has renamed its folder, a call that comes an hour later deletes the folder.
 */
export function makeUnfinished(folder: string): string {
  for (const name of readdirSync(folder)) if (name.startsWith(PREFIX)) deleteIfAbandoned(join(folder, name))
  return mkdtempSync(join(folder, PREFIX))
}

function deleteIfAbandoned(path: string): void {
  const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
  if (Date.now() - changedAt > ABANDONED_AFTER_MS) rmSync(path, { recursive: true, force: true })
}
