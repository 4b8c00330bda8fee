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
/** The arguments with which a worker asks for a permit, i.e. for one call to the model. The worker’s invocation ends in an hour. */
export const ask = { until: NOW + 3_600_000 }

/** A store of model states, and `process`, which makes the flow control of one more worker process on it. `calls` counts the store's reads and writes. */
export function aFleet(policies: Policies) {
  const { clock, advance } = movableClock()
  const memory = memoryModelStates()
  const store = { read: vi.fn(memory.read), write: vi.fn(memory.write) }
  const changes: string[] = []
  // `sleep` takes no time on the test's clock, but it lets other processes write first.
  const system = { clock, ids: countedIds(), sleep: async () => undefined, random: () => 0.5 }
  const process = (using: ModelStateStore = store, of = policies): FlowControl =>
    createFlowControl({ ...system, store: using, onChange: change => changes.push(change) }, 'text', of)
  const calls = () => ({ reads: store.read.mock.calls.length, writes: store.write.mock.calls.length })
  return { clock, advance, store, process, changes, calls }
}

export const permits = (flowControl: FlowControl, count: number) =>
  Promise.all(Array.from({ length: count }, () => flowControl.permit(ask)))
/** Reports this number of failed calls to a flow control. */
export const fail = (flowControl: FlowControl, failures = 1) => flowControl.report({ findings: { failures } })
