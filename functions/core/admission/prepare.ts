import { RequestError } from '../domain/errors.ts'
import type { RequestItem } from '../domain/item.ts'
import { type Limits, limitsOf } from '../domain/limits.ts'
import { planOf } from '../domain/quota-settings.ts'
import type { Submission } from '../domain/submission.ts'
import { ITEM_RETENTION_MS } from '../domain/timing.ts'
import { type QuotaWindow, windowAt } from '../domain/window.ts'
import { type Caller, overridesOf } from '../platform/caller.ts'
import type { Estimator } from './estimate.ts'
import { fingerprintOf } from './fingerprint.ts'
import { planRefusal } from './plan-refusal.ts'
import type { AdmissionPorts } from './ports.ts'
import type { Router } from './route.ts'
import type { Settings } from './settings.ts'

/** A submission that is ready for admission, with its model, its estimate, and the limits of its user. */
export interface Prepared {
  readonly submission: Submission
  /**
   * The request item that will be written. Its shard (the part of the user's counters that it counts in) is not final:
   * the admission chooses the shard.
   */
  readonly request: RequestItem
  readonly limits: Limits
  readonly shards: number
  readonly window: QuotaWindow
  /**
   * The error if the user's plan does not allow the request, or if its tokens can't be estimated. `admit` throws this
   * error, and `prepare` does not. The reason: if a client repeats the call of an accepted request, `admit` is not
   * called, so the client gets the same answer again (I5), even if the plan has changed.
   */
  readonly refusal?: RequestError | undefined
}

/**
 * Chooses the model of a submission, and looks up the limits of its user. This function writes nothing. Throws
 * `RequestError`.
 */
export async function prepare(
  ports: Pick<AdmissionPorts, 'clock' | 'ids' | 'tracing'> & { readonly estimate: Estimator },
  settings: Settings,
  route: Router,
  caller: Caller,
  submission: Submission,
): Promise<Prepared> {
  const { name, plan } = planOf(settings.quotas, caller.plan)
  const allowed = { user_id: caller.user_id, plan: name, models: plan.models ?? settings.models }
  const model = await route(submission, allowed)
  const { priority } = submission
  // If the plan refuses the request, its tokens are not estimated. An error of the estimate would name the model, which
  // the user may not know.
  const forbidden = planRefusal(name, plan, { priority, model, isNamed: submission.model !== undefined })
  const estimate = forbidden ?? (await ports.estimate(model, submission, allowed).catch(refusalOf))
  const now = ports.clock()
  const window = windowAt(settings.quotas.window, now)
  const { traceparent } = ports.tracing.current()
  const request: RequestItem = {
    user_id: caller.user_id,
    request_id: ports.ids.request(now),
    model,
    priority,
    fingerprint: fingerprintOf(submission.body, submission.operation),
    created_at: now,
    deadline: now + settings.expire_after_ms,
    run: 1,
    next_run: 2,
    window: window.name,
    shard: 0,
    nonce: ports.ids.nonce(),
    estimate: typeof estimate === 'number' ? estimate : 0,
    holds_request: true,
    status: 'queued',
    attempt: 0,
    crashes: 0,
    metadata: submission.metadata,
    ...(traceparent !== undefined && { traceparent }),
    ttl: Math.floor((now + settings.expire_after_ms + ITEM_RETENTION_MS) / 1000),
  }
  return {
    submission,
    request,
    limits: { ...limitsOf(plan, overridesOf(caller)), rate: plan.rate },
    shards: plan.shards,
    window,
    refusal: typeof estimate === 'number' ? undefined : estimate,
  }
}

function refusalOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  throw error
}
