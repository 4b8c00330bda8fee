import { vi } from 'vitest'
import { createFlowControl } from '../../functions/core/flow-control/flow-control.ts'
import type { Policies } from '../../functions/core/flow-control/policies.ts'
import type { FlowControl, ModelStateStore } from '../../functions/core/flow-control/port.ts'
import { movableClock, NOW } from './clock.ts'
import { memoryModelStates } from './memory/model-states.ts'
import { countedIds } from './ports.ts'

export const CIRCUIT: Policies = { circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 } }
export const LIMIT = { count: 5, interval_ms: 2_000 }
export const LIMITED: Policies = { rate_limit: LIMIT }
/** The ask of a worker that runs for another hour. */
export const ask = { until: NOW + 3_600_000 }

/** A store of model states, processes that share it, and the numbers of their calls. */
export function aFleet(policies: Policies) {
  const { clock, advance } = movableClock()
  const memory = memoryModelStates()
  const store = { read: vi.fn(memory.read), write: vi.fn(memory.write) }
  const changes: string[] = []
  // `sleep` lets the other processes write first, but takes no time.
  const system = { clock, ids: countedIds(), sleep: async () => undefined, random: () => 0.5 }
  const process = (using: ModelStateStore = store, of = policies): FlowControl =>
    createFlowControl({ ...system, store: using, onChange: change => changes.push(change) }, 'text', of)
  const calls = () => ({ reads: store.read.mock.calls.length, writes: store.write.mock.calls.length })
  return { clock, advance, store, process, changes, calls }
}

export const permits = (flowControl: FlowControl, count: number) =>
  Promise.all(Array.from({ length: count }, () => flowControl.permit(ask)))
/** Reports failed calls. */
export const fail = (flowControl: FlowControl, failures = 1) => flowControl.report({ findings: { failures } })
