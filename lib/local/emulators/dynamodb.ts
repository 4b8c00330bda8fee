import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { workerData } from 'node:worker_threads'
import dynalite from 'dynalite'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import { serve } from './serve.ts'

/** Who may call, and where the tables are kept: nowhere, if there is no folder. */
export type DynamoDbData = { accessKeyId: string; folder?: string }

const { accessKeyId, folder } = workerData as DynamoDbData

await serve(async () => {
  const server = dynalite({ ...(folder && { path: folder }), createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  // dynalite answers CORS preflights, and lets every page in.
  guardServer(server, fromNoPage, signedWith(accessKeyId), declaredAsJson)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
})
