import type { Identity } from '../../domain/item.ts'
import { MODEL, PRIORITY, REQUEST_ID } from './attributes.ts'
import type { Attributes } from './port.ts'

/**
 * Returns the attributes of a span about its request. The user is not among them, because receivers of traces store
 * everything that they get.
 */
export const requestAttributes = (of: Pick<Identity, 'request_id' | 'model' | 'priority'>): Attributes => ({
  [REQUEST_ID]: of.request_id,
  [MODEL]: of.model,
  [PRIORITY]: of.priority,
})
