import { once } from 'node:events'
import { connect, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Pipeline } from './config/schema.ts'

/** The longest time to wait until a model accepts a connection, in milliseconds. */
const CONNECT_MS = 3_000

/**
 * Finds models that can't be reached. It opens a connection to each model, and sends no request, because a request could
 * cost money or start a model that is scaled to zero. Resolves to one line of warning per model that accepts no connection.
 */
export async function unreachableModels({ models }: Pick<Pipeline, 'models'>): Promise<string[]> {
  const lines = await Promise.all(
    Object.entries(models).map(async ([name, { endpoint, batch }]) => {
      const url = new URL(batch?.url ?? endpoint.url)
      const problem = await problemOf(url)
      return problem === undefined
        ? []
        : [
            `warning: models.${name}: ${url.protocol}//${url.host} takes no connection (${problem}); its requests wait and are tried again`,
          ]
    }),
  )
  return lines.flat()
}

/** Returns the code of the error with which a TCP connection, or for https a TLS connection, fails. */
async function problemOf({ protocol, hostname, port }: URL): Promise<string | undefined> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const isSecure = protocol === 'https:'
  const socket = isSecure
    ? // Many servers choose their certificate by `servername`. TLS allows only host names there, and no IP addresses.
      connectTls({ host, port: Number(port || 443), ...(isIP(host) === 0 && { servername: host }) })
    : connect({ host, port: Number(port || 80) })
  try {
    await once(socket, isSecure ? 'secureConnect' : 'connect', { signal: AbortSignal.timeout(CONNECT_MS) })
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === undefined || code === 'ABORT_ERR' ? `no answer within ${CONNECT_MS / 1_000} s` : code
  } finally {
    socket.on('error', () => undefined)
    socket.destroy()
  }
}
