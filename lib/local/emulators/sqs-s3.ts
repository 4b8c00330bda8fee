import { Server } from 'node:net'
import { workerData } from 'node:worker_threads'
import { startFauxqs } from 'fauxqs'
import { makeQueuesFair } from './fair-queues.ts'
import { serve } from './serve.ts'

/** Where queues and objects are kept; nowhere, if there is no folder. */
export type SqsS3Data = { folder?: string }

const { folder } = workerData as SqsS3Data

bindToThisMachineOnly()

await serve(async () => {
  await makeQueuesFair()
  const server = await startFauxqs({ port: 0, logger: false, ...(folder && { dataDir: folder }) })
  if (!server.address.includes('127.0.0.1')) throw new Error(`fauxqs listens on ${server.address}.`)
  return { port: server.port, close: () => server.stop() }
})

// fauxqs always asks for 0.0.0.0, which would offer the queues to the whole network. A thread has node:net to itself.
function bindToThisMachineOnly(): void {
  const listen = Server.prototype.listen
  Server.prototype.listen = function (this: Server, options: object, ...rest: unknown[]) {
    return Reflect.apply(listen, this, [{ ...options, host: '127.0.0.1' }, ...rest])
  } as typeof listen
}
