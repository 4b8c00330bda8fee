import { createHash } from 'node:crypto'
import { checkIn } from '../payloads/port.ts'
import { type Caller, overridesOf } from '../platform/caller.ts'
import { queueName, RESULTS_QUEUE } from '../queue/names.ts'
import { ApiError } from '../requests/errors.ts'
import { estimateTokens } from '../requests/estimate.ts'
import { acceptedEvent } from '../requests/events.ts'
import { type RequestItem, reservationOf } from '../requests/item.ts'
import { type Limits, limitsOf, type Plan } from '../requests/limits.ts'
import type { InferenceMessage, Payload } from '../requests/messages.ts'
import { planOf } from '../requests/quota-settings.ts'
import type { Submission } from '../requests/submission.ts'
import { ITEM_RETENTION_MS } from '../requests/timing.ts'
import { type QuotaWindow, windowAt } from '../requests/window.ts'
import { admit, type Verdict } from './admit.ts'
import type { GatewayPorts } from './ports.ts'
import type { Router } from './route.ts'
import type { Settings } from './settings.ts'
import { takeBack } from './take-back.ts'

export interface Accepted {
  readonly item: RequestItem
  readonly limits: Limits
  readonly window: QuotaWindow
  readonly left: (Verdict & { admitted: true })['left']
}

/**
 * Admits a submission and makes it durable: one conditional write, then the request item, the inference message and the
 * `accepted` event at once. When it resolves, the request will be run (I4). Throws `ApiError` for a refusal, which
 * leaves nothing behind (I6), and `Unavailable` when the item or the message could not be written: what had been done
 * by then is taken back, here or by whoever meets it.
 */
export async function submitRequest(
  ports: GatewayPorts,
  settings: Settings,
  route: Router,
  caller: Caller,
  submission: Submission,
): Promise<Accepted> {
  const { plan, limits } = entitlement(settings, caller, submission)
  const model = await route(submission)
  const now = ports.clock()
  const window = windowAt(settings.quotas.window, now)
  const request = newRequest(ports, settings, caller, submission, { model, window, now })

  const verdict = await admit(ports, request, limits, plan.shards)
  if (!verdict.admitted) throw quotaExceeded(verdict, limits, request.estimate, window, now)
  const item = await publish(ports, settings, verdict.item, submission)
  return { item, limits, window, left: verdict.left }
}

function entitlement(settings: Settings, caller: Caller, { priority }: Submission): { plan: Plan; limits: Limits } {
  const { name, plan } = planOf(settings.quotas, caller.plan)
  if (!plan.priorities.includes(priority))
    throw new ApiError('priority_not_allowed', `the plan ${name} does not allow the priority ${priority}`)
  return { plan, limits: limitsOf(plan, overridesOf(caller)) }
}

function newRequest(
  { ids }: GatewayPorts,
  settings: Settings,
  { user_id }: Caller,
  submission: Submission,
  { model, window, now }: { model: string; window: QuotaWindow; now: number },
): RequestItem {
  return {
    user_id,
    request_id: ids.request(now),
    model,
    priority: submission.priority,
    fingerprint: createHash('sha256').update(JSON.stringify(submission)).digest('hex'),
    created_at: now,
    deadline: now + settings.expire_after_ms,
    run: 1,
    window: window.name,
    shard: 0,
    nonce: ids.nonce(),
    estimate: estimateTokens(submission.prompt, submission.parameters?.max_tokens),
    holds_request: true,
    status: 'queued',
    attempt: 0,
    crashes: 0,
    metadata: submission.metadata,
    ttl: Math.floor((now + settings.expire_after_ms + ITEM_RETENTION_MS) / 1000),
  }
}

/** Writes the item and sends both messages; answers with the item, whoever made it durable. */
async function publish(
  ports: GatewayPorts,
  settings: Settings,
  item: RequestItem,
  submission: Submission,
): Promise<RequestItem> {
  const { items, queue, payloads, metrics } = ports
  try {
    const body = await checkIn(payloads, `requests/${item.user_id}/${item.request_id}/body.json`, submission)
    const message = inferenceMessage(item, body)
    const prompt = settings.store_prompts ? promptOf(body, submission) : undefined
    const group = item.user_id
    const [created, sent, announced] = await Promise.allSettled([
      items.create(item),
      queue.send(queueName(item.model, item.priority), { body: message, group }),
      queue.send(RESULTS_QUEUE, { body: acceptedEvent(message, prompt), group }),
    ])
    if (created.status === 'rejected') throw created.reason
    if (sent.status === 'rejected') throw sent.reason
    if (announced.status === 'rejected') metrics.addMetric('LostAcceptedEvents', 'Count', 1)
    return item
  } catch (error) {
    const left = await takeBack(ports, item, ports.clock())
    if (left && left.status !== 'rejected') return left
    throw error
  }
}

const inferenceMessage = (item: RequestItem, body: Payload): InferenceMessage => ({
  v: 1,
  type: 'inference',
  ...reservationOf(item),
  model: item.model,
  priority: item.priority,
  fingerprint: item.fingerprint,
  created_at: item.created_at,
  deadline: item.deadline,
  metadata: item.metadata,
  body,
})

/** A body that was stored holds the prompt, too. */
const promptOf = (body: Payload, { prompt }: Submission): Payload => ('key' in body ? body : { inline: prompt })

const IN_FLIGHT_RETRY_SECONDS = 5
const SENTENCES = {
  requests: 'request quota exceeded',
  tokens: 'token quota exceeded',
  in_flight: 'in-flight quota exceeded',
}

function quotaExceeded(
  { limit, used }: Verdict & { admitted: false },
  limits: Limits,
  estimated: number,
  window: QuotaWindow,
  now: number,
): ApiError {
  const wait = limit === 'in_flight' ? IN_FLIGHT_RETRY_SECONDS : Math.ceil((window.ends_at - now) / 1000)
  return new ApiError('quota_exceeded', SENTENCES[limit], {
    body: {
      requests: { used: used.requests, limit: limits.requests },
      tokens: { used: used.tokens, limit: limits.tokens, estimated },
    },
    headers: { 'Retry-After': String(wait) },
  })
}
