import { workerData } from 'node:worker_threads'
import { tablesServer } from '../dynamodb/server.ts'
import { openTables } from '../dynamodb/tables.ts'
import { listenLocally } from '../listen.ts'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import { refuseAsAws } from '../trust/refuse.ts'
import { serve } from './serve.ts'

/** The access key id of callers, and the folder for the tables. Without a folder, the tables are in memory. */
export interface DynamoDbData {
  accessKeyId: string
  folder?: string
}

const { accessKeyId, folder } = workerData as DynamoDbData

await serve(async () => {
  const tables = await openTables(folder)
  const server = tablesServer(tables)
  guardServer(server, refuseAsAws, fromNoPage, signedWith(accessKeyId), declaredAsJson)
  return {
    port: await listenLocally(server),
    call: tables.call,
    async close() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      await tables.close()
    },
  }
})
