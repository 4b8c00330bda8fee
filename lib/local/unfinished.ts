import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const PREFIX = 'unfinished-'

/** Whatever is made in such a folder takes seconds. Milliseconds. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000

/**
 * Makes a new folder in `folder`, for something that gets its own name when it is complete. Folders of processes that ended before that
 * are deleted after an hour.
 */
export function makeUnfinished(folder: string): string {
  for (const name of readdirSync(folder)) if (name.startsWith(PREFIX)) deleteIfAbandoned(join(folder, name))
  return mkdtempSync(join(folder, PREFIX))
}

function deleteIfAbandoned(path: string): void {
  const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
  if (Date.now() - changedAt > ABANDONED_AFTER_MS) rmSync(path, { recursive: true, force: true })
}
