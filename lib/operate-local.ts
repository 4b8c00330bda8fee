import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { authorize } from '../functions/authorizer/authorize.ts'
import { type Admin, adminOf } from './cli/admin.ts'
import { createKey } from './cli/operations/keys.ts'
import { localTarget } from './cli/target.ts'
import type { Pipeline } from './config/schema.ts'
import { newToken } from './console/access.ts'
import { CONSOLE_PATH, consoleHandler, consoleUrl } from './console/handler.ts'
import { loadPage } from './console/load-page.ts'
import { messageOf } from './local/error.ts'
import type { LocalSystem, PreparedSystem } from './local/system.ts'
import { recover } from './recover.ts'
import { ownVersion } from './version.ts'

export { refuseOtherQueues } from './refuse-other-queues.ts'

// The operations that `npm start` does on the system that it has started. This file imports the clients of all services,
// which takes time. So it is imported while the emulators start in other threads, and the start takes less time.

export const DEMO_USER = 'demo'

export const adminAt = (system: PreparedSystem): Admin => adminOf(localTarget({ ...system, folder: system.dataDir }))

/**
 * Ends the leases (rights with an end time, such as a worker's claim of a request) that an earlier run of the local system
 * has left, so that its requests run again at once. Returns the lines to print. If this fails, the system starts anyway:
 * leases end by themselves, and the requests run again later.
 */
export async function recovered(admin: Admin, { waiting }: Pipeline, wasStopped: boolean): Promise<string[]> {
  try {
    const requests = await recover(admin, waiting.total, wasStopped)
    if (requests === 0) return []
    const subject = requests === 1 ? '1 request was' : `${requests} requests were`
    return [`${subject} running when the system last ended: they run again now`]
  } catch (error) {
    return [`requests that ran when the system last ended run again after their leases: ${messageOf(error)}`]
  }
}

/**
 * Reads or makes the API key of the demo user. The key is stored in the data folder. So a later start has the same key,
 * and an older curl command works again.
 */
export async function demoKey(system: LocalSystem, admin: Admin): Promise<string> {
  const file = join(system.dataDir, 'demo-key')
  const kept = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (await authorize(admin.access, kept, Date.now())) return kept
  const { created } = await createKey(admin, { user: DEMO_USER })
  writeFileSync(file, created.key, { mode: 0o600 })
  return created.key
}

/**
 * Serves the console (the operator's web page) on the address of the API. Returns the URL of the console. The URL contains a
 * token that is valid for this run only.
 */
export function mountConsole(system: LocalSystem, admin: Admin, name: string): string {
  const token = newToken()
  const of = { admin, target: 'local', name, version: ownVersion() } as const
  system.mount(CONSOLE_PATH, consoleHandler({ system: of, token, page: loadPage }))
  return consoleUrl(system.apiUrl, token)
}
