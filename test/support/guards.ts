import { vi } from 'vitest'
import { createGuard } from '../../functions/core/flow-control/flow-control.ts'
import type { Policies } from '../../functions/core/flow-control/policies.ts'
import type { Guard, GuardStore } from '../../functions/core/flow-control/port.ts'
import { movableClock, NOW } from './clock.ts'
import { memoryGuards } from './memory/guards.ts'
import { countedIds } from './ports.ts'

export const CIRCUIT: Policies = { circuit: { failures: 3, within_ms: 60_000, open_ms: 30_000 } }
export const LIMITED: Policies = { rate_limit: { count: 5, interval_ms: 2_000 } }
/** Of a worker that stays. */
export const ask = { until: NOW + 3_600_000 }

/** Processes that share a store, and what they ask of it. */
export function aFleet(policies: Policies) {
  const { clock, advance } = movableClock()
  const memory = memoryGuards()
  const store = { read: vi.fn(memory.read), write: vi.fn(memory.write) }
  const changes: string[] = []
  // Who pauses gives way to the others, which takes no time here.
  const system = { clock, ids: countedIds(), sleep: async () => undefined, random: () => 0.5 }
  const process = (using: GuardStore = store, of = policies): Guard =>
    createGuard({ ...system, store: using, onChange: change => changes.push(change) }, 'text', of)
  const calls = () => ({ reads: store.read.mock.calls.length, writes: store.write.mock.calls.length })
  return { clock, advance, store, process, changes, calls }
}

export const permits = (guard: Guard, count: number) =>
  Promise.all(Array.from({ length: count }, () => guard.permit(ask)))
/** Reports failed calls. */
export const fail = (guard: Guard, failures = 1) => guard.report({ findings: { failures } })
