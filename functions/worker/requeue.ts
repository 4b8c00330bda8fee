import type { OutcomeOf } from '../core/domain/events.ts'
import type { InferenceMessage } from '../core/domain/messages.ts'
import type { WorkerPorts } from './ports.ts'
import { conclude, failedFor } from './publish-outcome.ts'
import type { Claimed } from './types.ts'

/** How a request that was claimed goes back to its queue. */
interface Requeueing {
  /** Epoch milliseconds before which it is not run again. */
  readonly not_before: number
  /** Whether a call was made: if not, no attempt is spent (I8). */
  readonly spent: boolean
  /** Whether a call has reached the model since it was claimed; what an earlier one has reached stays. */
  readonly reached: boolean
  readonly send: (message: InferenceMessage) => Promise<void>
  /** How it ends if its owner has asked to cancel it meanwhile. */
  readonly ifCancelled: OutcomeOf
}

/**
 * Gives a claimed request back: the item first, then its message. A crash between the two is repaired by the message that
 * was not acknowledged. Nothing is paid for while it waits.
 */
export async function requeue(
  ports: Pick<WorkerPorts, 'items' | 'queue' | 'settings'>,
  { item, claim_id, message }: Claimed,
  { not_before, spent, reached, send, ifCancelled }: Requeueing,
): Promise<void> {
  const attempt = spent ? item.attempt : item.attempt - 1
  const requeued = await ports.items.requeue(item, { claim_id, not_before, attempt, reached })
  if (requeued === 'queued') await send(message)
  if (requeued === 'cancel requested') await conclude(ports, message, ifCancelled)
}

/** Gives a claimed request back that no call was made for: its claim changes nothing (I8). */
export function requeueUncalled(
  ports: WorkerPorts,
  request: Claimed,
  send: (message: InferenceMessage) => Promise<void>,
): Promise<void> {
  const now = ports.clock()
  const failure = { code: 'model_unreachable', message: 'the model was not called', reached: false } as const
  return requeue(ports, request, {
    not_before: now,
    spent: false,
    reached: false,
    send,
    ifCancelled: failedFor(request, failure, { started_at: now, completed_at: now }),
  })
}
