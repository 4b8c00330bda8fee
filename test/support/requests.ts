import { v7 } from 'uuid'
import { acceptedEvent, outcomeEvent } from '../../functions/core/domain/events.ts'
import type { RequestItem, Reservation } from '../../functions/core/domain/item.ts'
import { reservationOf } from '../../functions/core/domain/item.ts'
import type {
  AcceptedEvent,
  InferenceMessage,
  OutcomeEvent,
  RefusedEvent,
} from '../../functions/core/domain/messages.ts'
import { NOW } from './clock.ts'

export const newRequestId = (): string => v7({ msecs: NOW })

let users = 0
/** A new user id. Tests that share a table use different users. */
export const newUser = (): string => `user-${users++}`

export const aReservation = (fields: Partial<Reservation> = {}): Reservation => ({
  user_id: 'u42',
  request_id: newRequestId(),
  run: 1,
  window: '2026-11-23',
  shard: 0,
  nonce: 'nonce-1',
  estimate: 10,
  holds_request: true,
  ...fields,
})

/** The item of a request that was just admitted. `fields` change it, for example to a later state. */
export const anItem = (fields: Partial<RequestItem> = {}): RequestItem => ({
  ...aReservation(),
  model: 'text',
  priority: 'normal',
  fingerprint: 'f'.repeat(64),
  created_at: NOW,
  deadline: NOW + 3_600_000,
  next_run: (fields.run ?? 1) + 1,
  status: 'queued',
  attempt: 0,
  crashes: 0,
  ttl: Math.floor((NOW + 3_600_000) / 1000) + 90 * 86_400,
  ...fields,
})

/** The inference message of an item. */
export const aMessage = (
  item: RequestItem,
  body: unknown = { prompt: 'hello', priority: 'normal' },
): InferenceMessage => ({
  v: 1,
  type: 'inference',
  ...reservationOf(item),
  model: item.model,
  priority: item.priority,
  fingerprint: item.fingerprint,
  created_at: item.created_at,
  deadline: item.deadline,
  metadata: item.metadata,
  body: { inline: body },
})

/** A message as a queue delivers it, without undefined fields. */
export const asReceived = (message: InferenceMessage): InferenceMessage => JSON.parse(JSON.stringify(message))

/** An `accepted` event with the prompt, as the gateway of version 0.1.0 sent it. */
export const anAcceptedEvent = (item: RequestItem, prompt = 'hello'): AcceptedEvent => ({
  ...acceptedEvent(aMessage(item)),
  prompt: { inline: prompt },
})

/** The `outcome` event of the first attempt of a request. By default, it is a success. */
export const anOutcome = (item: RequestItem, fields: Partial<OutcomeEvent> = {}): OutcomeEvent => ({
  ...outcomeEvent(
    aMessage(item),
    {
      attempt: 1,
      status: 'completed',
      reached: true,
      started_at: NOW + 1_000,
      completed_at: NOW + 2_000,
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      result: { inline: { text: 'hi' } },
    },
    { inline: 'hello' },
  ),
  ...fields,
})

/** The `refused` event of a message of the input queue `nightly` that the quota has refused. */
export const aRefused = (messageId: string, text = '{"user_id":"u42","prompt":"hello"}', at = NOW): RefusedEvent => ({
  v: 1,
  type: 'refused',
  input: {
    queue: 'nightly',
    message_id: messageId,
    body: { inline: text },
    refusal: {
      error: 'request quota exceeded',
      status: 'error',
      code: 'quota_exceeded',
      requests: { used: 3, limit: 3 },
    },
  },
  at,
})
