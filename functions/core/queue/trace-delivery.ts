import {
  MESSAGING_DESTINATION_NAME,
  MESSAGING_MESSAGE_ID,
  MESSAGING_OPERATION_NAME,
  MESSAGING_OPERATION_TYPE,
  MESSAGING_SYSTEM,
  RECEIVE_COUNT,
} from '../platform/tracing/attributes.ts'
import type { Span, Tracer } from '../platform/tracing/port.ts'
import type { Delivery, QueueBackend } from './port.ts'

/** Matches the time at which the sender sent a message, in epoch milliseconds. */
const TIME = /^\d{13}$/

interface Ports {
  readonly tracing: Pick<Tracer, 'start'>
  readonly queue: Pick<QueueBackend, 'capabilities'>
}

/**
 * Starts the span of a consumer that processes a delivery, in the trace of the message's sender, and records how long
 * the message was in the queue. A message without the ids of a trace begins a new one.
 */
export function startDeliverySpan({ tracing, queue: { capabilities } }: Ports, delivery: Delivery): Span {
  const { queue, id, receive_count } = delivery
  const { traceparent, sent_at = '' } = delivery.attributes
  const attributes = {
    [MESSAGING_SYSTEM]: capabilities.system,
    [MESSAGING_DESTINATION_NAME]: queue,
    [MESSAGING_MESSAGE_ID]: id,
    [RECEIVE_COUNT]: receive_count,
  }
  if (traceparent !== undefined && TIME.test(sent_at))
    tracing.start('queue wait', { parent: traceparent, attributes, startedAt: Number(sent_at) }).end()
  const operation = { [MESSAGING_OPERATION_NAME]: 'process', [MESSAGING_OPERATION_TYPE]: 'process' }
  return tracing.start(`process ${queue}`, {
    kind: 'consumer',
    parent: traceparent,
    attributes: { ...attributes, ...operation },
  })
}

/** The spans of the deliveries of one invocation. */
export interface DeliverySpans {
  of(delivery: Delivery): Span
}

export function startDeliverySpans(ports: Ports, deliveries: readonly Delivery[]): DeliverySpans {
  const spans = new Map(deliveries.map(delivery => [delivery, startDeliverySpan(ports, delivery)]))
  return {
    of: delivery => {
      const span = spans.get(delivery)
      if (!span) throw new Error('each delivery of an invocation has a span')
      return span
    },
  }
}
