import { readFileSync } from 'node:fs'

// Not of installation.ts: a command that needs no system must not load what checks a file's shape.
const ROOT = new URL(import.meta.url.endsWith('.js') ? '../../' : '../', import.meta.url)

/** Returns the version of Sluice itself. */
export function ownVersion(): string {
  const read: unknown = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'))
  return typeof read === 'object' && read !== null && 'version' in read ? String(read.version) : 'unknown'
}
