import { createGuard } from '../../functions/core/flow-control/flow-control.ts'
import type { Guard, GuardStore } from '../../functions/core/flow-control/port.ts'
import type { Clock } from '../../functions/core/platform/clock.ts'
import type { Ids } from '../../functions/core/platform/ids.ts'
import type { Random } from '../../functions/core/platform/random.ts'
import type { PlantedBug } from './compose.ts'
import type { Invocation } from './invocation.ts'
import type { WorkerSettings } from './policies.ts'
import { MODEL } from './settings.ts'

interface Process {
  readonly guard: Guard
  /** The invocation that the process serves or served last, and its access to the table. */
  by: Invocation
  store: GuardStore
}

interface Means {
  readonly clock: Clock
  readonly sleep: (by: Invocation, ms: number) => Promise<void>
  readonly random: Random
  readonly ids: Ids
  readonly policies: WorkerSettings
  readonly bug: PlantedBug | undefined
}

/**
 * Lambda's processes. A process serves one invocation at a time and keeps its knowledge of the model for the next one. When
 * an invocation is killed, its process is gone.
 */
export function createProcesses({ clock, sleep, random, ids, policies, bug }: Means) {
  const processes: Process[] = []

  function begin(by: Invocation, first: GuardStore): Guard {
    const current: GuardStore = {
      read: model => process.store.read(model),
      write: (model, next) => process.store.write(model, next),
    }
    const store = bug?.guardStore?.(current) ?? current
    const ports = { store, clock, ids, random, sleep: (ms: number) => sleep(process.by, ms) }
    const process: Process = { by, store: first, guard: createGuard(ports, MODEL, policies) }
    // Only workers call a model.
    if (by.kind === 'worker') processes.push(process)
    return process.guard
  }

  return (by: Invocation, store: GuardStore): Guard => {
    const idle = processes.find(process => process.by.state === 'done')
    if (by.kind !== 'worker' || !idle) return begin(by, store)
    Object.assign(idle, { by, store })
    return idle.guard
  }
}
