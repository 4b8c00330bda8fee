import type { Estimator } from '../core/admission/estimate.ts'
import type { AdmissionPorts } from '../core/admission/ports.ts'
import type { Router } from '../core/admission/route.ts'
import type { Settings } from '../core/admission/settings.ts'
import type { QueueBackend } from '../core/queue/port.ts'
import type { Access } from '../core/stores/access/port.ts'
import type { InputKeys } from '../core/stores/idempotency/port.ts'

export interface IntakePorts extends AdmissionPorts {
  readonly users: Pick<Access, 'user'>
  readonly inputs: InputKeys
  readonly route: Router
  readonly estimate: Estimator
  readonly settings: Settings
  readonly queue: QueueBackend
}
