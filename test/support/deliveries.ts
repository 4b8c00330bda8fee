import type { Delivery } from '../../functions/core/queue/port.ts'

/** A first delivery of a message. `body` is a text, or a value that is sent as JSON. */
export const aDelivery = (body: unknown, i = 0, fields: Partial<Delivery> = {}): Delivery => ({
  id: `message-${i}`,
  queue: 'stack-queue',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attributes: {},
  receive_count: 1,
  ...fields,
})
