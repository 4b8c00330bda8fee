import { vi } from 'vitest'
import { createEstimator } from '../../functions/core/admission/estimate.ts'
import { createRouter } from '../../functions/core/admission/route.ts'
import { countCalls } from '../../functions/core/platform/call-counter.ts'
import type { Ids } from '../../functions/core/platform/ids.ts'
import { untraced } from '../../functions/core/platform/tracing/port.ts'
import type { GatewayPorts } from '../../functions/gateway/ports.ts'
import { movableClock } from './clock.ts'
import { SETTINGS } from './gateway.ts'
import { memoryItems } from './memory/items.ts'
import { memoryKeys } from './memory/keys.ts'
import { memoryLedger } from './memory/ledger.ts'
import { memoryPayloads } from './memory/payloads.ts'
import { memoryQueue } from './memory/queue.ts'
import { memoryQuota } from './memory/quota.ts'
import { memoryWaitLeases } from './memory/waiting.ts'
import { newRequestId } from './requests.ts'

/** Ids whose nonces are counted (nonce-0, nonce-1 …), so they are the same in each run of a test. */
export const countedIds = (): Ids => {
  let nonces = 0
  return { request: newRequestId, nonce: () => `nonce-${nonces++}` }
}

/** Ports in memory for a use case. A test can read them, and move their clock. */
export function memoryPorts() {
  const { clock, advance } = movableClock()
  const metrics = { add: vi.fn<GatewayPorts['metrics']['add']>() }
  return {
    items: memoryItems(),
    quota: memoryQuota(),
    queue: memoryQueue(),
    payloads: memoryPayloads(),
    keys: memoryKeys(),
    ledger: memoryLedger(),
    waiting: { leases: memoryWaitLeases(), limits: { per_user: 10, total: 50 } },
    logger: { warn: vi.fn<GatewayPorts['logger']['warn']>(), error: vi.fn<GatewayPorts['logger']['error']>() },
    settings: SETTINGS,
    models: SETTINGS.models,
    route: createRouter(SETTINGS),
    estimate: createEstimator(SETTINGS),
    calls: countCalls(),
    ids: countedIds(),
    clock,
    tracing: untraced,
    /** A sleep advances the clock. */
    sleep: async (ms: number) => advance(ms),
    metrics,
    advance,
  }
}
export type MemoryPorts = ReturnType<typeof memoryPorts>
