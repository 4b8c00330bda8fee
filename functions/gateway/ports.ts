import type { AdmissionPorts } from '../admission/ports.ts'
import type { IdempotencyKeys } from '../idempotency/port.ts'
import type { WaitPorts } from '../lifecycle/await-end.ts'

export interface GatewayPorts extends AdmissionPorts, Pick<WaitPorts, 'ledger' | 'waiting' | 'sleep' | 'logger'> {
  readonly keys: IdempotencyKeys
}
