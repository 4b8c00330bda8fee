import { crashesOf } from '../core/domain/claim.ts'
import { type OutcomeOf, outcomeEvent, promptOf } from '../core/domain/events.ts'
import type { RequestItem } from '../core/domain/item.ts'
import type { InferenceMessage, Payload } from '../core/domain/messages.ts'
import type { ModelFailure } from '../core/inference/port.ts'
import { ATTEMPT, STATUS } from '../core/platform/tracing/attributes.ts'
import { RESULTS_QUEUE } from '../core/queue/names.ts'
import type { WorkerPorts } from './ports.ts'
import type { Claimed } from './types.ts'

/**
 * Publishes the outcome of an attempt. The collector decides whether the outcome counts: only the attempt that holds
 * the claim can end the request (I7).
 */
export function publishOutcome(
  { queue, settings, tracing }: Pick<WorkerPorts, 'queue' | 'settings' | 'tracing'>,
  message: InferenceMessage,
  outcome: OutcomeOf,
): Promise<void> {
  const span = tracing.current()
  span.set({ [STATUS]: outcome.status, [ATTEMPT]: outcome.attempt })
  if (outcome.error) span.fail(outcome.error.code)
  const prompt = storedPrompt(settings, message)
  const { price } = settings
  const event = outcomeEvent(message, { ...outcome, ...(price && { price }) }, prompt)
  return queue.send(RESULTS_QUEUE, { body: event, group: message.user_id })
}

/**
 * Returns the prompt of a request for the ledger. Returns undefined if pipeline.yaml says that prompts are not stored.
 */
export const storedPrompt = (
  { store_prompts }: Pick<WorkerPorts['settings'], 'store_prompts'>,
  { body }: InferenceMessage,
): Payload | undefined => (store_prompts ? promptOf(body) : undefined)

/**
 * Builds the outcome of a request that has failed for good. `reached` is true if any attempt of its run has reached the
 * model.
 */
export const failedOutcome = (
  { item }: Pick<Claimed, 'item'>,
  { code, message, reached, status, detail }: Omit<ModelFailure, 'ok' | 'verdict'>,
  times: Pick<OutcomeOf, 'started_at' | 'completed_at'>,
): OutcomeOf => ({
  attempt: item.attempt,
  status: 'failed',
  reached: reached || item.reached === true,
  error: { code, message, ...(status !== undefined && { status }), ...(detail !== undefined && { detail }) },
  ...times,
})

/** Builds the outcome of a request during which too many workers have crashed. */
export const crashedOutcome = (item: RequestItem, now: number): OutcomeOf =>
  failedOutcome(
    { item },
    {
      code: 'worker_crashed',
      message: `a worker stopped while it ran the request and no other, ${crashesOf(item)} times`,
      reached: true,
    },
    { started_at: item.started_at ?? now, completed_at: now },
  )
