import type { OutgoingMessage, QueueBackend } from '../../../functions/core/queue/port.ts'
import { SQS_CAPABILITIES } from '../../../functions/core/queue/sqs-capabilities.ts'

/** Queues in memory. A test can read the messages that were sent to them. */
export interface MemoryQueue extends QueueBackend {
  /** The messages that were sent to a queue, oldest first, as they arrive. */
  sent(queue: string): OutgoingMessage[]
}

export function memoryQueue(): MemoryQueue {
  const queues = new Map<string, OutgoingMessage[]>()
  const sent = (queue: string) => queues.get(queue) ?? []
  return {
    capabilities: SQS_CAPABILITIES,
    wholeName: queue => queue,
    sent,
    send: async (queue, message) => {
      const arriving = { ...message, body: JSON.parse(JSON.stringify(message.body)) }
      queues.set(queue, [...sent(queue), arriving])
    },
  }
}
