import type { Logger } from '@aws-lambda-powertools/logger'
import type { Access } from '../access/port.ts'
import type { AdmissionPorts } from '../admission/ports.ts'
import type { Router } from '../admission/route.ts'
import type { Settings } from '../admission/settings.ts'
import type { InputKeys } from '../idempotency/port.ts'

export interface IntakePorts extends AdmissionPorts {
  readonly users: Pick<Access, 'user'>
  readonly inputs: InputKeys
  readonly route: Router
  readonly settings: Settings
  readonly logger: Pick<Logger, 'error'>
}
