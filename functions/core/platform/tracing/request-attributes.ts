import type { Identity } from '../../domain/item.ts'
import { MODEL, PRIORITY, REQUEST_ID } from './attributes.ts'
import type { Attributes } from './port.ts'

/** What a span says of its request. The user is not told: receivers of traces keep what they get. */
export const requestAttributes = (of: Pick<Identity, 'request_id' | 'model' | 'priority'>): Attributes => ({
  [REQUEST_ID]: of.request_id,
  [MODEL]: of.model,
  [PRIORITY]: of.priority,
})
