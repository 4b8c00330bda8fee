import { once } from 'node:events'
import type { Server } from 'node:net'

/** Makes a server listen on 127.0.0.1 and returns its port. Port 0 picks a free one. Rejects if the port is taken. */
export async function listenLocally(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return address.port
}
