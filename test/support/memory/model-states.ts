import type { ModelStateStore } from '../../../functions/core/flow-control/port.ts'
import type { ModelState } from '../../../functions/core/flow-control/state.ts'

/** Keeps the states of models in memory. It passes the same contract as the store in DynamoDB. */
export function memoryModelStates(): ModelStateStore {
  const states = new Map<string, ModelState>()
  const shown = (state: ModelState): ModelState => JSON.parse(JSON.stringify(state))
  return {
    read: async model => {
      const state = states.get(model)
      return state && shown(state)
    },
    write: async (model, next) => {
      const state = states.get(model)
      if (state && state.version !== next.version - 1) return shown(state)
      states.set(model, shown(next))
      return next
    },
  }
}
