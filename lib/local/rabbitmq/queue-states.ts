import type { QueueState } from '../observer.ts'
import { connectTo } from './broker.ts'

/**
 * The queues of the broker, as they are now. A broker that does not answer has none. Everybody who looks opens a connection, since somebody
 * looks every few seconds at most.
 */
export async function queuesOfBroker(url: string, names: readonly string[]): Promise<QueueState[]> {
  if (names.length === 0) return []
  try {
    const model = await connectTo(url)
    // An error of the connection also rejects the call that is under way.
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
