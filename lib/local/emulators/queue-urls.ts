import { insideFauxqs } from './fair-queues.ts'

interface Queue {
  name: string
  url: string
}
interface StoreModule {
  SqsStore: { prototype: { createQueue(...args: unknown[]): Queue } }
}

/**
 * Gives every queue a URL at the address where the emulator listens now. fauxqs makes one of a name below `localhost`, which is a
 * foreign `Host` here, and remembers it over restarts with a port that is another's then. To be called before fauxqs starts.
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
