import type { Delivery } from '../../functions/core/queue/port.ts'

/** The first delivery of a message. `body` is the text of the message, or a value that becomes its JSON text. */
export const aDelivery = (body: unknown, i = 0, fields: Partial<Delivery> = {}): Delivery => ({
  id: `message-${i}`,
  queue: 'stack-queue',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attributes: {},
  receive_count: 1,
  ...fields,
})
