import { createFlowControl } from '../../functions/core/flow-control/flow-control.ts'
import type { FlowControl, ModelStateStore } from '../../functions/core/flow-control/port.ts'
import type { Clock } from '../../functions/core/platform/clock.ts'
import type { Ids } from '../../functions/core/platform/ids.ts'
import type { Random } from '../../functions/core/platform/random.ts'
import type { PlantedBug } from './compose.ts'
import type { Invocation } from './invocation.ts'
import type { WorkerSettings } from './policies.ts'
import { MODEL } from './settings.ts'

interface Process {
  readonly flowControl: FlowControl
  /** The current or the last invocation of the process, and the store of this invocation. */
  by: Invocation
  store: ModelStateStore
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
 * Simulates the processes of Lambda. Each process runs one invocation at a time. It keeps its flow control, with the state of the model
 * that it has read, for its next invocation. A process ends if its invocation is killed.
 */
export function createProcesses({ clock, sleep, random, ids, policies, bug }: Means) {
  const processes: Process[] = []

  function begin(by: Invocation, first: ModelStateStore): FlowControl {
    const current: ModelStateStore = {
      read: model => process.store.read(model),
      write: (model, next) => process.store.write(model, next),
    }
    const store = bug?.modelStates?.(current) ?? current
    const ports = { store, clock, ids, random, sleep: (ms: number) => sleep(process.by, ms) }
    const process: Process = { by, store: first, flowControl: createFlowControl(ports, MODEL, policies) }
    // Only workers call a model. So only their processes keep a flow control (the part of Sluice that decides when a model may be called).
    if (by.kind === 'worker') processes.push(process)
    return process.flowControl
  }

  return (by: Invocation, store: ModelStateStore): FlowControl => {
    const idle = processes.find(process => process.by.state === 'done')
    if (by.kind !== 'worker' || !idle) return begin(by, store)
    Object.assign(idle, { by, store })
    return idle.flowControl
  }
}
