import { minimumTokens } from '../core/domain/estimate.ts'
import type { OutcomeOf } from '../core/domain/events.ts'
import { type Mappings, wholeAnswer } from '../core/inference/mapping.ts'
import type { ModelFailure, ModelSuccess } from '../core/inference/port.ts'
import { backoff, pauseOf, saysWhen } from '../core/inference/retry.ts'
import { withoutQuote } from '../core/inference/sentences.ts'
import { ANSWER_LISTS } from '../core/openai-format/pass.ts'
import { ATTEMPT, DEFERRED_BY } from '../core/platform/tracing/attributes.ts'
import { resultKey } from '../core/stores/payloads/names.ts'
import { checkIn } from '../core/stores/payloads/port.ts'
import { afterAllHeldUp, deferClaimed, deferUntil, withHints } from './defer.ts'
import { inSmallerBatch } from './plan-batch.ts'
import type { WorkerPorts } from './ports.ts'
import { failedOutcome, publishOutcome } from './publish-outcome.ts'
import { readResult } from './read-result.ts'
import type { Answer, Claimed, FailedAnswer, Mapped } from './types.ts'
import { withoutPrompt } from './without-prompt.ts'

/**
 * The shortest wait before a retry, in milliseconds. A second delivery of the same message must not run sooner, because
 * it has the same slot in the rate limit, and a call was made in that slot already. With two calls in one slot, the
 * model would get more calls than the rate limit allows.
 */
const MIN_RETRY_DELAY_MS = 1_000

type Times = Pick<OutcomeOf, 'started_at' | 'completed_at'>

/**
 * Decides what the model's answer means for a request. Publishes the outcome, or defers the request for another
 * attempt.
 */
export async function resolveOutcome(
  ports: WorkerPorts,
  request: Mapped,
  answer: Answer,
  startedAt: number,
): Promise<void> {
  const times = { started_at: startedAt, completed_at: ports.clock() }
  if (answer.ok) return publishOutcome(ports, request.message, await answeredOutcome(ports, request, answer, times))
  if (isFinal(ports, request, answer))
    return publishOutcome(ports, request.message, failedOutcome(request, answer.failure, times))
  return retryRequest(ports, request, answer, times)
}

async function answeredOutcome(
  ports: WorkerPorts,
  request: Mapped,
  answer: ModelSuccess,
  times: Times,
): Promise<OutcomeOf> {
  const read = await readResult(responseOf(ports, request), answer)
  const { usage } = read
  if (read.isUsageUnreadable) ports.metrics.add('UnreadableUsage', 1)
  if (usage?.prompt_tokens !== undefined) ports.metrics.add('InputTokens', usage.prompt_tokens)
  if (usage?.completion_tokens !== undefined) ports.metrics.add('OutputTokens', usage.completion_tokens)
  if (!read.ok) {
    const failure = withoutPrompt(read.failure, request.message, request.toSend)
    return { ...failedOutcome(request, failure, times), usage }
  }
  const result = await checkIn(ports.payloads, resultKey(request.item), read.result)
  const minimum = usage ? {} : minimumCharge(request, read.bytes)
  return { attempt: request.item.attempt, status: 'completed', reached: true, usage, result, ...minimum, ...times }
}

/** Returns the response mapping. If the body was passed on, the whole answer is the result. */
const responseOf = ({ mappings }: WorkerPorts, { passage }: Mapped): Pick<Mappings, 'response'> =>
  passage ? { response: async answer => wholeAnswer(answer, ANSWER_LISTS[passage.called]) } : mappings

/**
 * Returns the minimum charge of a success without a reported usage. Only a request that bounds its output has a minimum
 * charge, and only if the minimum is more than the estimate.
 */
function minimumCharge({ message, bounded }: Mapped, bytes: number): Pick<OutcomeOf, 'charge_at_least'> {
  if (bounded === undefined) return {}
  const chargeAtLeast = minimumTokens(bounded, bytes)
  return chargeAtLeast > message.estimate ? { charge_at_least: chargeAtLeast } : {}
}

/**
 * Returns whether a failure ends its request: the model has refused this request, or no attempt is left. If the model
 * refuses a whole batch, none of its requests ends, because only one of them may be the cause.
 */
function isFinal(
  { settings: { retry } }: WorkerPorts,
  { item }: Mapped,
  { failure, batchSize, isCulprit }: FailedAnswer,
): boolean {
  // With `once`, the failure allows one retry. So the second attempt is the last.
  const isSpent = item.attempt >= (failure.once && batchSize === 1 ? Math.min(2, retry.attempts) : retry.attempts)
  if (failure.verdict === 'retry') return isSpent || isCulprit
  return batchSize === 1
}

function retryRequest(
  ports: WorkerPorts,
  request: Mapped,
  { failure, batchSize }: FailedAnswer,
  times: Times,
): Promise<void> {
  const { settings, random } = ports
  const isRetry = failure.verdict === 'retry'
  const wait = isRetry ? Math.max(backoff(settings.retry, request.item.attempt, random), pauseOf(failure)) : 0
  const notBefore = Math.max(
    times.completed_at + Math.max(wait, MIN_RETRY_DELAY_MS),
    afterAllHeldUp(ports, request.message.user_id),
  )
  // A smaller batch may succeed where a large one failed. A refused batch must shrink until it has one request, because
  // only then the refusal is certainly for this request. After a 429 or without a connection, a smaller batch does not
  // help: it would only mean more calls to a model that has no room.
  const isOfTheBatch = !isRetry || (failure.reached && failure.status !== 429)
  // The call has ended, and its worker has not crashed. So the request need not be isolated any more (hint `alone`),
  // and may run beside others again.
  const hints = {
    alone: undefined,
    turn: undefined,
    has_waited: undefined,
    ...(isOfTheBatch ? inSmallerBatch(batchSize) : {}),
  }
  return deferClaimed(ports, request, {
    notBefore,
    spent: true,
    reached: failure.reached,
    send: message => {
      reportRetry(ports, request, failure, notBefore)
      return deferUntil(ports, withHints(message, hints), Math.min(notBefore, message.deadline))
    },
    ifCancelled: failedOutcome(request, failure, times),
  })
}

/**
 * Logs and counts a retry. The line is a warning, so that an operator sees a failing model before the first request has
 * failed for good. It is no warning if the model only says when it takes more calls. This line is all that is kept of
 * an attempt that is not the last, so it has the whole error.
 */
function reportRetry(
  { logger, metrics, tracing }: WorkerPorts,
  { item }: Claimed,
  failure: ModelFailure,
  until: number,
): void {
  const { request_id, attempt, user_id, model } = item
  const { code, message, status, detail } = failure
  logger[saysWhen(failure) ? 'info' : 'warn'](`${withoutQuote(message)}; the request will be retried`, {
    request_id,
    user_id,
    model,
    attempt,
    code,
    status,
    detail,
    until: new Date(until).toISOString(),
  })
  metrics.add('RetriedRequests', 1)
  tracing.current().set({ [DEFERRED_BY]: code, [ATTEMPT]: attempt })
}
