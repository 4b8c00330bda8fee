import { resultTokens } from '../core/domain/estimate.ts'
import type { OutcomeOf } from '../core/domain/events.ts'
import type { Usage } from '../core/domain/item.ts'
import { MappingError } from '../core/inference/mapping.ts'
import type { ModelFailure } from '../core/inference/port.ts'
import { resultKey } from '../core/stores/payloads/names.ts'
import { checkIn } from '../core/stores/payloads/port.ts'
import type { Answer, Mapped } from './call-model.ts'
import { sendLater, withHints } from './defer.ts'
import { afterOthers } from './permit.ts'
import { inSmaller } from './plan-batch.ts'
import type { WorkerPorts } from './ports.ts'
import { conclude, failedFor } from './publish-outcome.ts'
import { requeue } from './requeue.ts'
import { backoff, mayBeRetried, pauseOf } from './retry.ts'
import type { Claimed } from './types.ts'

/** The largest result that is kept, as JSON in UTF-8 bytes: what an answer of ours can carry. */
const MAX_RESULT_BYTES = 4 * 1024 * 1024

/**
 * A message that is sent again comes a second later, at the soonest. Nor may another delivery of it come sooner: it would
 * have the same turn in the rate limit, which has been used. Milliseconds.
 */
const RESENT_MS = 1_000

type Times = Pick<OutcomeOf, 'started_at' | 'completed_at'>

/** Takes what the model made of a request: publishes the outcome, or sends it back for another attempt. */
export async function concludeCall(
  ports: WorkerPorts,
  request: Mapped,
  answer: Answer,
  started_at: number,
): Promise<void> {
  const times = { started_at, completed_at: ports.clock() }
  if (answer.ok) return conclude(ports, request.message, await outcomeOf(ports, request, answer.answer, times))
  if (isFinal(ports, request, answer))
    return conclude(ports, request.message, failedFor(request, answer.failure, times))
  return retryRequest(ports, request, answer, times)
}

async function outcomeOf(ports: WorkerPorts, claimed: Mapped, answer: unknown, times: Times): Promise<OutcomeOf> {
  const { attempt } = claimed.item
  const failed = (code: ModelFailure['code'], message: string, usage: Usage | undefined) => ({
    ...failedFor(claimed, { code, message, reached: true }, times),
    usage,
  })
  try {
    const { result, usage } = await ports.mappings.response(answer)
    const bytes = Buffer.byteLength(JSON.stringify(result))
    if (bytes > MAX_RESULT_BYTES) return failed('result_too_large', 'the result is larger than 4 MB', usage)
    const stored = await checkIn(ports.payloads, resultKey(claimed.item), result)
    const least = usage ? {} : chargeAtLeast(claimed, bytes)
    return { attempt, status: 'completed', reached: true, usage, result: stored, ...least, ...times }
  } catch (error) {
    if (error instanceof MappingError) return failed('invalid_model_response', error.message, error.usage)
    throw error
  }
}

/** Of a success without a report: what it costs at least, if its request bounds its output and that is more than the estimate. */
function chargeAtLeast({ message, bounded }: Mapped, bytes: number): Pick<OutcomeOf, 'charge_at_least'> {
  if (bounded === undefined) return {}
  const least = bounded + resultTokens(bytes)
  return least > message.estimate ? { charge_at_least: least } : {}
}

/** In company, a failure that is not the model's may be another's: final is only what a request got alone. */
function isFinal(
  { settings: { retry } }: WorkerPorts,
  { item }: Mapped,
  { failure, company, isCulprit }: Answer & { readonly ok: false },
): boolean {
  const isSpent = item.attempt >= retry.attempts
  if (mayBeRetried(failure, retry)) return isSpent || isCulprit
  return company === 1
}

function retryRequest(
  ports: WorkerPorts,
  request: Mapped,
  { failure, company }: Answer & { readonly ok: false },
  times: Times,
): Promise<void> {
  const { settings, random } = ports
  const isRetry = mayBeRetried(failure, settings.retry)
  const wait = isRetry ? Math.max(backoff(settings.retry, request.item.attempt, random), pauseOf(failure)) : 0
  const not_before = Math.max(times.completed_at + Math.max(wait, RESENT_MS), afterOthers(ports))
  // What counts as no retry comes to its end by ever smaller companies. Else, a model that has no room has none for smaller
  // batches either, and fewer calls help it.
  const isOfTheBatch = !isRetry || (failure.reached && failure.status !== 429)
  const hints = { turn: undefined, has_waited: undefined, ...(isOfTheBatch ? inSmaller(company) : {}) }
  return requeue(ports, request, {
    not_before,
    spent: true,
    reached: failure.reached,
    send: message => {
      tellRetry(ports, request, failure, not_before)
      return sendLater(ports, withHints(message, hints), Math.min(not_before, message.deadline))
    },
    ifCancelled: failedFor(request, failure, times),
  })
}

/** Of an attempt that is not the last, this line is all that stays. */
function tellRetry(
  { logger, metrics }: WorkerPorts,
  { item }: Claimed,
  { code, message, status }: ModelFailure,
  until: number,
): void {
  const { request_id, attempt } = item
  logger.info(`${message}; the request is tried again`, {
    request_id,
    attempt,
    code,
    status,
    until: new Date(until).toISOString(),
  })
  metrics.addMetric('RetriedRequests', 'Count', 1)
}
