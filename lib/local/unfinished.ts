import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = 'unfinished-'

/** The work in such a folder takes seconds. So after this time, no process works in it any more. Milliseconds. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000

/**
 * Makes a new folder in `folder`. The caller fills it, and renames it when its content is complete. If a process ends before it renames
 * its folder, a later call deletes the folder after an hour.
 */
export function makeUnfinished(folder: string): string {
  for (const name of readdirSync(folder)) if (name.startsWith(PREFIX)) deleteIfAbandoned(join(folder, name))
  return mkdtempSync(join(folder, PREFIX))
}

function deleteIfAbandoned(path: string): void {
  const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
  if (Date.now() - changedAt > ABANDONED_AFTER_MS) rmSync(path, { recursive: true, force: true })
}
