import type { Estimator } from '../core/admission/estimate.ts'
import type { AdmissionPorts } from '../core/admission/ports.ts'
import type { Router } from '../core/admission/route.ts'
import type { Settings } from '../core/admission/settings.ts'
import type { WaitPorts } from '../core/lifecycle/wait-for-completion.ts'
import type { Abilities } from '../core/openai-api/abilities.ts'
import type { Calls } from '../core/platform/call-counter.ts'
import type { IdempotencyKeys } from '../core/stores/idempotency/port.ts'

export interface GatewayPorts extends AdmissionPorts, Pick<WaitPorts, 'ledger' | 'waiting' | 'sleep'> {
  readonly keys: IdempotencyKeys
  readonly route: Router
  readonly estimate: Estimator
  readonly calls: Calls
  readonly settings: Settings
}

/** The ports of the POSTs of the OpenAI API. */
export interface OpenAiPorts extends GatewayPorts {
  readonly abilities: Readonly<Record<string, Abilities>>
}
