import type { Clock } from '../core/platform/clock.ts'
import type { Access } from '../core/stores/access/port.ts'

export interface AuthorizerPorts {
  readonly access: Access
  readonly clock: Clock
}
