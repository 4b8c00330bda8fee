import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Lets only this user read PGlite's files, which may contain prompts. By itself, PGlite ignores the umask, and gives each file a mode that lets other
 * users of the machine read it. The change of node:fs affects only this thread.
 */
export function keepFilesPrivate(): void {
  const { chmodSync, fchmodSync } = fs
  fs.chmodSync = (path, mode) => chmodSync(path, Number(mode) & ~0o077)
  fs.fchmodSync = (file, mode) => fchmodSync(file, Number(mode) & ~0o077)
  syncBuiltinESMExports()
}
