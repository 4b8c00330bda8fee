import { createGuard } from '../../functions/guard/guard.ts'
import type { ModelAnswer, ModelFailure } from '../../functions/inference/port.ts'
import type { RequestItem } from '../../functions/requests/item.ts'
import { NOW } from './clock.ts'
import { anItem } from './requests.ts'
import { aWorker, SUCCESS, type WorkerSettings } from './worker.ts'

const CIRCUIT = { failures: 2, within_ms: 60_000, open_ms: 10_000 }
const RETRY = { attempts: 5, period_ms: 1_000, max_backoff_ms: 30_000, backoff_on: [429, 503], drop_on: [400, 404] }
/** A model that fails. */
export const down: ModelFailure = { ok: false, code: 'model_error', message: 'm', reached: true, status: 500 }

/** A worker of a model that answers as `model` says by then. */
export function aGuardedWorker(settings: WorkerSettings = {}) {
  const model: { answer: ModelAnswer } = { answer: SUCCESS }
  const worker = aWorker(() => model.answer, { circuit: CIRCUIT, retry: RETRY, ...settings })
  const { ports, guards, aGuard } = worker
  const create = () => ports.items.create(anItem())
  const stored = (item: RequestItem) => ports.items.get(item.user_id, item.request_id)
  const open = () => aGuard().report({ findings: { failures: CIRCUIT.failures } })
  const state = () => guards.read('text')
  /** A call that was allowed before there was a circuit. */
  const useTurn = () =>
    createGuard({ ...ports, store: guards }, 'text', { rate_limit: settings.rate_limit }).permit({ until: NOW })
  return { ...worker, model, create, stored, open, state, useTurn }
}
