import { Unavailable } from '../core/platform/unavailable.ts'
import type { Operation, Performed } from './operation.ts'
import type { BrokerPorts } from './ports.ts'

/**
 * Performs an operation for an operator. If the broker can't be reached, the answer has the reason (`unavailable`).
 * Rejects for a defect.
 */
export async function perform(ports: BrokerPorts, operation: Operation): Promise<Performed> {
  try {
    return await performNow(ports, operation)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    ports.logger.warn('an operation of the broker failed', { operation: operation.operation, error })
    return { unavailable: error.message }
  }
}

async function performNow(ports: BrokerPorts, operation: Operation): Promise<Performed> {
  switch (operation.operation) {
    case 'count':
      return { count: await ports.count(operation.queue) }
    case 'exists':
      return { exists: await ports.exists(operation.queue) }
    case 'count left':
      return { messages: await ports.messagesLeft(operation.inputs) }
    case 'find missing':
      return { missing: await ports.missingQueues() }
    case 'return results':
      return ports.returnResults()
    case 'send input':
      return { sent: await ports.sendInput(operation.queue, operation.text) }
    case 'send':
      await send(ports, operation)
      return { sent: true }
  }
}

async function send({ queue }: BrokerPorts, operation: Operation & { operation: 'send' }): Promise<void> {
  const { body, group, gives_way, attributes } = operation
  await queue.send(operation.queue, { body, group, ...(gives_way && { gives_way }), ...(attributes && { attributes }) })
}
