import { requestAttributes } from '../core/platform/tracing/request-attributes.ts'
import type { BatchOutcome, Delivery } from '../core/queue/port.ts'
import { startDeliverySpan } from '../core/queue/trace-delivery.ts'
import { inputOf } from './input.ts'
import type { IntakePorts } from './ports.ts'
import { takeInput } from './take-input.ts'

/**
 * Takes the messages of one invocation, all at the same time. They come from an input queue or from its dead-letter
 * queue. Never rejects: only the messages that fail are redelivered.
 */
export async function takeInputs(ports: IntakePorts, deliveries: readonly Delivery[]): Promise<BatchOutcome> {
  const failed = await Promise.all(
    deliveries.map(async delivery => ((await isTakenInSpan(ports, delivery)) ? [] : [delivery])),
  )
  return { redeliver: failed.flat() }
}

async function isTakenInSpan(ports: IntakePorts, delivery: Delivery): Promise<boolean> {
  const span = startDeliverySpan(ports, delivery)
  try {
    return await span.run(() => isTaken(ports, delivery))
  } finally {
    span.end()
  }
}

async function isTaken(ports: IntakePorts, delivery: Delivery): Promise<boolean> {
  const { metrics, logger } = ports
  const input = inputOf(delivery)
  try {
    const taken = await takeInput(ports, input)
    if ('item' in taken) {
      metrics.add('AcceptedRequests', 1)
      metrics.add('ReservedTokens', taken.item.estimate)
      ports.tracing.current().set(requestAttributes(taken.item))
    } else metrics.add('RefusedRequests', 1)
    return true
  } catch (error) {
    const { queue, message_id } = input
    logger.error('an input message could not be taken and will be redelivered', {
      queue,
      message_id,
      error: error as Error,
    })
    metrics.add('ReturnedMessages', 1)
    return false
  }
}
