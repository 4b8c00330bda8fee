import type { QueueState } from '../observer.ts'
import { connectTo } from './broker.ts'

/**
 * Reads the present states of the broker's queues. If the broker does not answer, the list is empty. Each call opens a connection of its own. This is
 * cheap enough, since there is at most one call every few seconds.
 */
export async function queuesOfBroker(url: string, names: readonly string[]): Promise<QueueState[]> {
  if (names.length === 0) return []
  try {
    const model = await connectTo(url)
    // Without a listener, an error of the connection would end the process. The error also rejects the running call, so the listener has nothing to do.
    model.on('error', () => {})
    try {
      const channel = await model.createChannel()
      channel.on('error', () => {})
      const states: QueueState[] = []
      for (const name of names)
        states.push({ name, waiting: (await channel.checkQueue(name)).messageCount, ageless: true })
      return states
    } finally {
      await model.close().catch(() => {})
    }
  } catch {
    return []
  }
}
