import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Keeps PGlite's files private. By itself, PGlite gives each file a mode that lets other users read it, and ignores the umask. The change
 * of node:fs affects only this thread.
 */
export function keepFilesPrivate(): void {
  const { chmodSync, fchmodSync } = fs
  fs.chmodSync = (path, mode) => chmodSync(path, Number(mode) & ~0o077)
  fs.fchmodSync = (file, mode) => fchmodSync(file, Number(mode) & ~0o077)
  syncBuiltinESMExports()
}
