import { once } from 'node:events'
import type { Server } from 'node:net'

/** Makes a server listen on 127.0.0.1 and returns its port. With port 0, the server gets a free port. Rejects if the port is in use. */
export async function listenLocally(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return address.port
}
