import type { OutcomeOf } from '../core/domain/events.ts'
import type { ModelFailure } from '../core/inference/port.ts'
import { pauseOf } from '../core/inference/retry.ts'
import { withoutQuote } from '../core/inference/sentences.ts'
import { afterAllHeldUp, deferClaimed, deferUntil, withHints } from './defer.ts'
import type { WorkerPorts } from './ports.ts'
import { failedOutcome } from './publish-outcome.ts'
import type { Mapped } from './types.ts'

/** A request whose attempt was given back waits at least so long. Milliseconds. */
const MIN_WAIT_MS = 1_000

/**
 * Gives the attempt of a call back that the model has not taken: the model is halted, loading, or in a long pause. The request waits
 * as if the call had not been made. So it costs nothing if it expires or is cancelled then. `failure.reached` says whether another call
 * under the same claim, such as that of a whole batch, has reached the model: that one still costs a request.
 */
export function giveAttemptBack(
  ports: WorkerPorts,
  request: Mapped,
  failure: ModelFailure,
  times: Pick<OutcomeOf, 'started_at' | 'completed_at'>,
): Promise<void> {
  const { logger, metrics } = ports
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
      const hints = { turn: undefined, has_waited: undefined }
      return deferUntil(ports, withHints(message, hints), Math.min(notBefore, message.deadline))
    },
    ifCancelled: failedOutcome(request, failure, times),
  })
}
