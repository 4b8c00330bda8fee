import { insideFauxqs } from './fair-queues.ts'

interface Queue {
  name: string
  url: string
}
interface StoreModule {
  SqsStore: { prototype: { createQueue(...args: unknown[]): Queue } }
}

/**
 * Gives every queue a URL with the present address of fauxqs, the emulator of SQS. By itself, fauxqs uses a host name below `localhost`, and
 * guard-server.ts would refuse such a name as a foreign `Host`. fauxqs also keeps a queue's URL after a restart, although the port is then another one.
 * Call this before fauxqs starts.
 */
export async function putQueuesAt(address: () => string): Promise<void> {
  const { SqsStore }: StoreModule = await import(insideFauxqs('sqs/sqsStore.js'))
  const { createQueue } = SqsStore.prototype
  SqsStore.prototype.createQueue = function (...args) {
    const queue = Reflect.apply(createQueue, this, args)
    Object.defineProperty(queue, 'url', { get: () => `${address()}/000000000000/${queue.name}` })
    return queue
  }
}
