import { insideFauxqs } from './fair-queues.ts'

interface Queue {
  name: string
  url: string
}
interface StoreModule {
  SqsStore: { prototype: { createQueue(...args: unknown[]): Queue } }
}

/**
 * Gives every queue a URL with the emulator's present address. By itself, fauxqs uses a name below `localhost`, which the guard refuses
 * as a foreign `Host`. It also keeps the URL after a restart, although the port is another one. Call this before fauxqs starts.
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
