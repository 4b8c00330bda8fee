import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { IdempotencyKeys } from '../idempotency/port.ts'
import type { Ledger } from '../ledger/port.ts'
import type { LifecyclePorts } from '../lifecycle/ports.ts'
import type { Payloads } from '../payloads/port.ts'
import type { Clock, Sleep } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import type { Settings } from './settings.ts'

export interface GatewayPorts extends LifecyclePorts {
  readonly keys: IdempotencyKeys
  readonly payloads: Payloads
  readonly ledger: Pick<Ledger, 'result'>
  readonly clock: Clock
  readonly sleep: Sleep
  readonly ids: Ids
  readonly metrics: Pick<Metrics, 'addMetric'>
  readonly settings: Pick<Settings, 'store_prompts'>
}
