import {
  DELAY_SECONDS,
  MESSAGING_DESTINATION_NAME,
  MESSAGING_OPERATION_NAME,
  MESSAGING_OPERATION_TYPE,
  MESSAGING_SYSTEM,
} from '../platform/tracing/attributes.ts'
import { inSpan } from '../platform/tracing/in-span.ts'
import type { Span, Tracer } from '../platform/tracing/port.ts'
import { traceIdOf } from '../platform/tracing/traceparent.ts'
import type { OutgoingMessage, QueueBackend } from './port.ts'

/**
 * Makes a queue whose messages carry the context of their trace in their attributes. Each send is a span of the
 * producer. Like the spans of deliveries, it has the whole name of the queue, because consoles of queues show whole
 * names. If tracing is off, messages are not changed.
 */
export const tracedQueue = (queue: QueueBackend, tracing: Tracer): QueueBackend => ({
  ...queue,
  send: (name, message) => {
    const destination = queue.wholeName(name, message)
    const attributes = {
      [MESSAGING_SYSTEM]: queue.capabilities.system,
      [MESSAGING_OPERATION_NAME]: 'send',
      [MESSAGING_OPERATION_TYPE]: 'send',
      [MESSAGING_DESTINATION_NAME]: destination,
      [DELAY_SECONDS]: message.delay_seconds,
    }
    const options = { kind: 'producer', attributes, parent: parentOf(message, tracing.current()) } as const
    return inSpan(tracing, `send ${destination}`, options, ({ traceparent }) =>
      queue.send(name, traceparent === undefined ? message : withContext(message, traceparent)),
    )
  },
})

const withContext = (message: OutgoingMessage, traceparent: string): OutgoingMessage => ({
  ...message,
  attributes: { ...message.attributes, traceparent, sent_at: String(Date.now()) },
})

/**
 * Returns the parent span that the message names, if this parent is in another trace than the active span. Otherwise
 * the active span is the parent. A function may send a message for one request while it works for another request. The
 * send belongs to the trace of the message's own request.
 */
function parentOf({ attributes }: OutgoingMessage, active: Span): string | undefined {
  const named = attributes?.traceparent
  return traceIdOf(named) === traceIdOf(active.traceparent) ? undefined : named
}
