import type { GuardStore } from '../../../functions/core/flow-control/port.ts'
import type { GuardState } from '../../../functions/core/flow-control/state.ts'

/** What workers know of models, in memory: it passes the same contract as the real one. */
export function memoryGuards(): GuardStore {
  const states = new Map<string, GuardState>()
  const shown = (state: GuardState): GuardState => JSON.parse(JSON.stringify(state))
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
