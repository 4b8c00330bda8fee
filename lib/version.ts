import { readFileSync } from 'node:fs'

// This is not imported from installation.ts, because a command that needs no system must not load the library for
// schemas.
const ROOT = new URL(import.meta.url.endsWith('.js') ? '../../' : '../', import.meta.url)

/** Returns the version of Sluice itself. */
export function ownVersion(): string {
  const read: unknown = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))
  return typeof read === 'object' && read !== null && 'version' in read ? String(read.version) : 'unknown'
}
