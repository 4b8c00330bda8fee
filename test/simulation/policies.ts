import type { Policies } from '../../functions/core/flow-control/policies.ts'
import type { Retry } from '../../functions/core/inference/retry.ts'
import type { WorkerPorts } from '../../functions/worker/ports.ts'
import { aRetry } from '../support/failures.ts'

/** The model's policies in pipeline.yaml: retries, circuit breaker, rate limit, batches. All workers of a history have the same policies. */
export type WorkerSettings = Omit<WorkerPorts['settings'], 'store_prompts'> & Policies

const ONCE: Retry = aRetry({ attempts: 1 })
const THRICE: Retry = { ...ONCE, attempts: 3, max_backoff_ms: 4_000 }
const OFTEN: Retry = { ...ONCE, attempts: 6, period_ms: 5_000, max_backoff_ms: 60_000 }

const CIRCUIT = { failures: 2, within_ms: 60_000, open_ms: 5_000 }
const FAST_LIMIT = { count: 2, interval_ms: 5_000 }
const SLOW_LIMIT = { count: 1, interval_ms: 30_000 }

const PLAIN: WorkerSettings = { batched: false, retry: ONCE, endpoint: { timeout_ms: 60_000 } }

type Weighed = readonly (readonly [number, WorkerSettings])[]

/** Each policy alone, and combinations of policies that interact. */
export const PROTECTED: Weighed = [
  [2, { ...PLAIN, retry: THRICE }],
  [2, { ...PLAIN, retry: THRICE, circuit: CIRCUIT }],
  [2, { ...PLAIN, retry: THRICE, rate_limit: FAST_LIMIT }],
  [1, { ...PLAIN, retry: OFTEN, rate_limit: SLOW_LIMIT, circuit: CIRCUIT }],
  [2, { ...PLAIN, batched: true, retry: THRICE }],
  [2, { ...PLAIN, retry: THRICE, one_at_a_time: ['normal'] }],
  [2, { ...PLAIN, batched: true, retry: OFTEN, rate_limit: FAST_LIMIT, circuit: { ...CIRCUIT, failures: 3 } }],
]
/** Policies with a circuit, for a history with a user whose requests always fail. */
export const WITH_CIRCUIT: Weighed = [
  [2, { ...PLAIN, retry: OFTEN, circuit: CIRCUIT }],
  [1, { ...PLAIN, retry: THRICE, circuit: { ...CIRCUIT, failures: 4 } }],
]
/** Policies without protection: the model is called once per request, without a wait. */
export const UNPROTECTED: Weighed = [[1, PLAIN]]
export const ANY_POLICY: Weighed = [[6, PLAIN], ...PROTECTED]
