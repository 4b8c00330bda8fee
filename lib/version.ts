import { readFileSync } from 'node:fs'

// The folder with package.json. It is not imported from installation.ts, because that file loads zod. A command that uses no
// deployment must start fast, and needs no schemas.
const ROOT = new URL(import.meta.url.endsWith('.js') ? '../../' : '../', import.meta.url)

/** Returns the version of Sluice itself. */
export function ownVersion(): string {
  const read: unknown = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))
  return typeof read === 'object' && read !== null && 'version' in read ? String(read.version) : 'unknown'
}
