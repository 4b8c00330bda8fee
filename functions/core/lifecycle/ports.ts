import type { MessageQueue } from '../queue/port.ts'
import type { Payloads } from '../stores/payloads/port.ts'
import type { Quota } from '../stores/quota/port.ts'
import type { RequestItems } from '../stores/requests/port.ts'

/** What it takes to end a request: its item decides, the ledger is told, a body that nobody needs is deleted, the reservation is closed. */
export interface LifecyclePorts {
  readonly items: RequestItems
  readonly queue: MessageQueue
  readonly quota: Quota
  readonly payloads: Pick<Payloads, 'delete'>
}
