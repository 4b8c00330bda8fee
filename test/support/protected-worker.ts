import { createFlowControl } from '../../functions/core/flow-control/flow-control.ts'
import type { ModelAnswer } from '../../functions/core/inference/port.ts'
import { NOW } from './clock.ts'
import { aRetry, failure } from './failures.ts'
import { aWorker, SUCCESS, type WorkerSettings } from './worker.ts'

const CIRCUIT = { failures: 2, within_ms: 60_000, open_ms: 10_000 }
const RETRY = aRetry()
/** The answer of a model that does not work: status 500. */
export const down = failure({ status: 500 })

/** A worker of a model with a circuit. The model answers with the current value of `model.answer`. */
export function aProtectedWorker(settings: WorkerSettings = {}) {
  const model: { answer: ModelAnswer } = { answer: SUCCESS }
  const worker = aWorker(() => model.answer, { circuit: CIRCUIT, retry: RETRY, ...settings })
  const { ports, modelStates, aFlowControl } = worker
  const open = () => aFlowControl().report({ findings: { failures: CIRCUIT.failures } })
  const state = () => modelStates.read('text')
  /** Books the next slot of the rate limit, as another worker would. It does not look at the circuit, so it also works while the circuit is open. */
  const useSlot = () =>
    createFlowControl({ ...ports, store: modelStates }, 'text', { rate_limit: settings.rate_limit }).permit({
      until: NOW,
    })
  return { ...worker, model, open, state, useSlot }
}
