import { once } from 'node:events'
import { createServer } from 'node:http'
import { Refusal } from '../cli/refusal.ts'
import { refuseForeignCall } from '../local/http-api/own-error.ts'
import { listenLocally } from '../local/listen.ts'
import { fromOwnPageOnly, guardServer } from '../local/trust/guard-server.ts'
import { newToken } from './access.ts'
import { consoleHandler, consoleUrl } from './handler.ts'
import { loadPage } from './load-page.ts'
import type { System } from './operator-api/system.ts'

export interface ServedConsole {
  /** The address, with the token. */
  readonly url: string
  close(): Promise<void>
}

/** Serves the console of a system on 127.0.0.1. With port 0, the server gets a free port. Throws `Refusal` if the port can't be used. */
export async function serveConsole(system: System, port: number): Promise<ServedConsole> {
  const token = newToken()
  const server = createServer(consoleHandler({ system, token, page: loadPage }))
  guardServer(server, refuseForeignCall, fromOwnPageOnly)
  const used = await listenLocally(server, port).catch((error: unknown) => {
    throw new Refusal(`the port ${port} can't be used: choose another one with --port`, { cause: error })
  })
  return {
    url: consoleUrl(`http://127.0.0.1:${used}`, token),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
