import type { AdmissionPorts } from '../core/admission/ports.ts'
import type { WaitPorts } from '../core/lifecycle/wait-for-completion.ts'
import type { IdempotencyKeys } from '../core/stores/idempotency/port.ts'

export interface GatewayPorts extends AdmissionPorts, Pick<WaitPorts, 'ledger' | 'waiting' | 'sleep' | 'logger'> {
  readonly keys: IdempotencyKeys
}
