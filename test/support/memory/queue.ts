import type { OutgoingMessage, QueueBackend } from '../../../functions/core/queue/port.ts'
import { SQS_CAPABILITIES } from '../../../functions/core/queue/sqs-capabilities.ts'

/** Queues that keep what was sent to them, for a test to look at. */
export interface MemoryQueue extends QueueBackend {
  /** What was sent to a queue, oldest first, as it would arrive. */
  sent(queue: string): OutgoingMessage[]
}

export function memoryQueue(): MemoryQueue {
  const queues = new Map<string, OutgoingMessage[]>()
  const sent = (queue: string) => queues.get(queue) ?? []
  return {
    capabilities: SQS_CAPABILITIES,
    sent,
    send: async (queue, message) => {
      const arriving = { ...message, body: JSON.parse(JSON.stringify(message.body)) }
      queues.set(queue, [...sent(queue), arriving])
    },
  }
}
