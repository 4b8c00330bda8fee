import type { InferenceMessage } from '../core/domain/messages.ts'
import { failUndelivered } from '../core/lifecycle/fail-undelivered.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { WorkerPorts } from './ports.ts'
import { failedOutcome, publishOutcome, storedPrompt } from './publish-outcome.ts'
import type { Claimed, Undone } from './types.ts'

const FAILURE = {
  code: 'internal_error',
  message: 'a defect of Sluice or of its deployment kept the request from ending',
} as const

/**
 * The number of deliveries after which a request that no worker could claim is ended because of a defect. Without this
 * limit, the request would be ended only after 1,000 deliveries. Deliveries are more than a minute apart, so if a
 * permission is missing, an operator has at least 20 minutes to add it before requests fail. Deliveries during an
 * outage count, too. So after a long outage, a single defect is enough to end the request.
 */
export const MAX_UNCLAIMED_DELIVERIES = 20

/**
 * The number of deliveries after which a claimed request is ended because of a defect. It is small, because each
 * further delivery may call the model again. It is not 1, so that a request does not fail because of a defect that a
 * deployment has just removed. It is below the number of crashes that ends a request as `worker_crashed`, so that a
 * defect is not reported as a crash.
 */
export const MAX_CLAIMED_DELIVERIES = 2

/**
 * Ends a request whose message was not processed because of a defect, if the message was delivered often enough.
 * Returns whether the message may be acknowledged. If the defect happened in a call for several requests, no claimed
 * request is ended, because another request may be the cause. Each of these requests runs alone next, so that only the
 * request with the defect fails. An outage ends no request: the message waits in its queue. The message of a claimed
 * request is always delivered again, because only the item says whether it has accepted the outcome. If the item has
 * accepted it, the next delivery drops the message. Otherwise the request runs again, and is not lost.
 */
export async function endAfterDefect(ports: WorkerPorts, { request, error, shared }: Undone): Promise<boolean> {
  if (error instanceof Unavailable) return false
  const deliveries = request.delivery.receive_count
  if ('claim_id' in request) {
    if (!shared && deliveries >= MAX_CLAIMED_DELIVERIES) await endClaimed(ports, request)
    return false
  }
  return deliveries >= MAX_UNCLAIMED_DELIVERIES && failUnclaimed(ports, request.message)
}

/**
 * Ends a claimed request as failed. It is not known whether the worker has called the model. So the request counts as
 * one that reached the model, as after a crash, and the user is charged one request.
 */
function endClaimed(ports: WorkerPorts, { item, message }: Claimed): Promise<void> {
  const now = ports.clock()
  const times = { started_at: item.started_at ?? now, completed_at: now }
  return publishOutcome(ports, message, failedOutcome({ item }, { ...FAILURE, reached: true }, times))
}

const failUnclaimed = (ports: WorkerPorts, message: InferenceMessage): Promise<boolean> =>
  failUndelivered(ports, message, ports.clock(), { reason: FAILURE, prompt: storedPrompt(ports.settings, message) })
