import type { MessageQueue } from '../queue/port.ts'
import type { Payloads } from '../stores/payloads/port.ts'
import type { Quota } from '../stores/quota/port.ts'
import type { RequestItems } from '../stores/requests/port.ts'

/**
 * The ports that end a request: its item decides, an event tells the ledger, its body is deleted, and its reservation
 * is closed.
 */
export interface LifecyclePorts {
  readonly items: RequestItems
  readonly queue: MessageQueue
  readonly quota: Quota
  readonly payloads: Pick<Payloads, 'delete'>
}
