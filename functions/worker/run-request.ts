import { tombstoneOf } from '../lifecycle/bury.ts'
import { endRequest } from '../lifecycle/end-request.ts'
import { rejectAbsent } from '../lifecycle/reject-request.ts'
import { checkOut } from '../payloads/port.ts'
import { queueName, RESULTS_QUEUE } from '../queue/names.ts'
import { MAX_DELAY_SECONDS } from '../queue/port.ts'
import { refusedClaim } from '../requests/claim.ts'
import { type OutcomeOf, outcomeEvent } from '../requests/events.ts'
import type { RequestItem } from '../requests/item.ts'
import type { InferenceMessage, Payload } from '../requests/messages.ts'
import { ITEM_GRACE_MS } from '../requests/timing.ts'
import { attempt } from './attempt.ts'
import type { WorkerPorts } from './ports.ts'

export interface Run {
  readonly message: InferenceMessage
  /** Epoch milliseconds after which this worker certainly no longer runs. */
  readonly lease_until: number
  readonly store_prompts: boolean
  /** Whether this is the only message of its invocation. */
  readonly isAlone: boolean
}

/**
 * Runs one inference message to its end: claims the request, calls the model, publishes the outcome; or puts the message
 * back for later, or drops it, as the request item says. When it resolves, the message may be acknowledged. Rejects with
 * `Unavailable`: then the message must come again. Repeated or at once with itself, the model is called by one of them.
 */
export async function runRequest(ports: WorkerPorts, run: Run): Promise<void> {
  const { message } = run
  const body = (await checkOut(ports.payloads, message.body)) as Record<string, unknown>
  // One whose time is up only has to expire, which takes no endpoint.
  if (message.deadline > ports.clock()) await ports.endpoint.prepare()
  const claim = await ports.items.claim(message, terms(ports, run))
  if (claim.claimed) return callModel(ports, run, claim.item, body)
  if (!claim.item) return withoutItem(ports, message)
  return refused(ports, run, claim.item, body)
}

const terms = ({ ids, clock }: WorkerPorts, { lease_until }: Run) => ({
  claim_id: ids.nonce(),
  now: clock(),
  lease_until,
})

async function callModel(
  ports: WorkerPorts,
  run: Run,
  item: RequestItem,
  body: Record<string, unknown>,
): Promise<void> {
  await publish(ports, run, await attempt(ports, item, body))
}

async function refused(ports: WorkerPorts, run: Run, item: RequestItem, body: Record<string, unknown>): Promise<void> {
  const { message } = run
  const now = ports.clock()
  const refusal = refusedClaim(item, message, now)
  switch (refusal.kind) {
    case 'drop':
      return
    case 'wait':
      return defer(ports, message, refusal.until - now)
    case 'expire': {
      const expired = await ports.items.expire(item, now)
      return expired ? endRequest(ports, expired) : defer(ports, message, 0)
    }
    case 'reclaim': {
      // It may take the next worker with it as well: not again together with others.
      if (!run.isAlone) return defer(ports, { ...message, alone: true }, 0)
      const again = await ports.items.reclaim(item, terms(ports, run))
      return again.claimed ? callModel(ports, run, again.item, body) : defer(ports, message, 0)
    }
    case 'give up':
      return publish(ports, run, crashed(item, now))
    case 'again':
      return defer(ports, message, 0)
  }
}

/**
 * The gateway writes the item and sends the message at once: the item mostly comes a moment later, and past the grace it
 * never will. So each wait is as long as the message is old: few looks in all, and no request is held up for long.
 */
async function withoutItem(ports: WorkerPorts, message: InferenceMessage): Promise<void> {
  const now = ports.clock()
  const age = now - message.created_at
  if (age < ITEM_GRACE_MS) return defer(ports, message, Math.min(age, ITEM_GRACE_MS - age))
  const item = await rejectAbsent(ports, tombstoneOf(message, now))
  if (item.status !== 'rejected') await defer(ports, message, 0)
}

/** Puts a message back for later: it is sent again, since its receive count must not tell healthy waiting from crashes (I8). */
function defer({ queue }: WorkerPorts, message: InferenceMessage, ms: number): Promise<void> {
  const delay_seconds = Math.min(MAX_DELAY_SECONDS, Math.max(1, Math.ceil(ms / 1000)))
  return queue.send(queueName(message.model, message.priority), {
    body: message,
    group: message.user_id,
    delay_seconds,
  })
}

function publish({ queue }: WorkerPorts, { message, store_prompts }: Run, outcome: OutcomeOf): Promise<void> {
  const prompt = store_prompts ? promptOf(message.body) : undefined
  return queue.send(RESULTS_QUEUE, { body: outcomeEvent(message, outcome, prompt), group: message.user_id })
}

const promptOf = (body: Payload): Payload =>
  'key' in body ? body : { inline: (body.inline as { prompt: string }).prompt }

const crashed = (item: RequestItem, now: number): OutcomeOf => ({
  attempt: item.attempt,
  status: 'failed',
  reached: true,
  started_at: item.started_at ?? now,
  completed_at: now,
  error: { code: 'worker_crashed', message: `a worker stopped while it ran the request, ${item.crashes + 1} times` },
})
