import type { OutcomeOf } from '../core/domain/events.ts'
import type { ModelFailure } from '../core/inference/port.ts'
import { pauseOf } from '../core/inference/retry.ts'
import { withoutQuote } from '../core/inference/sentences.ts'
import { ATTEMPT, DEFERRED_BY } from '../core/platform/tracing/attributes.ts'
import { afterAllHeldUp, deferClaimed, deferUntil, withHints } from './defer.ts'
import type { WorkerPorts } from './ports.ts'
import { failedOutcome } from './publish-outcome.ts'
import type { Mapped } from './types.ts'

/**
 * The shortest wait of a request whose attempt did not count, in milliseconds. Without a wait, the request could call
 * the model again and again, since no attempt is used up.
 */
const MIN_WAIT_MS = 1_000

/**
 * Defers a request whose call failed because the model is halted, loading, or in a long pause. The attempt does not
 * count, so the item is as if the call had not been made. The request costs nothing if it then expires or is cancelled.
 * `failure.reached` says whether another call under the same claim, such as the call of a whole batch, has reached the
 * model. If so, the request is charged one request even if it expires or is cancelled.
 */
export function giveAttemptBack(
  ports: WorkerPorts,
  request: Mapped,
  failure: ModelFailure,
  times: Pick<OutcomeOf, 'started_at' | 'completed_at'>,
): Promise<void> {
  const { logger, metrics, tracing } = ports
  const wait = Math.max(pauseOf(failure), MIN_WAIT_MS)
  const notBefore = Math.max(times.completed_at + wait, afterAllHeldUp(ports, request.message.user_id))
  return deferClaimed(ports, request, {
    notBefore,
    spent: false,
    reached: failure.reached,
    send: message => {
      const { request_id, attempt } = request.item
      const { code, status } = failure
      const until = new Date(notBefore).toISOString()
      logger.info(`${withoutQuote(failure.message)}; the request waits, and no attempt is spent`, {
        request_id,
        attempt,
        code,
        status,
        until,
      })
      metrics.add('AttemptsGivenBack', 1)
      tracing.current().set({ [DEFERRED_BY]: code, [ATTEMPT]: attempt })
      const hints = { turn: undefined, has_waited: undefined }
      return deferUntil(ports, withHints(message, hints), Math.min(notBefore, message.deadline))
    },
    ifCancelled: failedOutcome(request, failure, times),
  })
}
