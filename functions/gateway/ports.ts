import type { AdmissionPorts } from '../admission/ports.ts'
import type { IdempotencyKeys } from '../idempotency/port.ts'
import type { Ledger } from '../ledger/port.ts'
import type { Sleep } from '../platform/clock.ts'

export interface GatewayPorts extends AdmissionPorts {
  readonly keys: IdempotencyKeys
  readonly ledger: Pick<Ledger, 'result'>
  readonly sleep: Sleep
}
