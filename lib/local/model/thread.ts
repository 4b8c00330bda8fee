import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { refuseForeignCall } from '../http-api/own-error.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import type * as Answering from './answer.ts'

/** The only message that the demo model's thread sends: the URL of its server, or the reason why the server can't start. */
export type ThreadMessage = { url: string } | { error: string; code: string | undefined }

const tell = (message: ThreadMessage) => parentPort?.postMessage(message)
const answering = Promise.withResolvers<typeof Answering>()
const server = createServer(async (request, response) => (await answering.promise).answer(request, response))
guardServer(server, refuseForeignCall, fromNoPage)
server.on('error', (error: NodeJS.ErrnoException) => tell({ error: error.message, code: error.code }))
server.listen((workerData as { port: number }).port, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  tell({ url: `http://127.0.0.1:${port}` })
  // The code that analyses texts takes long to load. Calls to the model wait for this code, but the start of the system does not.
  answering.resolve(import('./answer.ts'))
})
