import { chargedFor } from '../core/domain/charged.ts'
import type { RequestItem } from '../core/domain/item.ts'
import type {
  AcceptedEvent,
  EndedEvent,
  OutcomeEvent,
  RefusedEvent,
  ResultEvent,
  UnreadableEvent,
} from '../core/domain/messages.ts'
import type { DeadLetter, Entry, LedgerRow } from '../core/stores/ledger/port.ts'

const rowOf = (event: Exclude<ResultEvent, UnreadableEvent | RefusedEvent>) => ({
  request_id: event.request_id,
  user_id: event.user_id,
  model: event.model,
  priority: event.priority,
  prompt: event.prompt,
  estimated_tokens: event.estimate,
  metadata: event.metadata,
  run: event.run,
  quota_window: event.window,
  created_at: event.created_at,
  deadline: event.deadline,
})

export const acceptedEntry = (event: AcceptedEvent): Entry => ({
  row: { ...rowOf(event), status: 'queued', attempts: 0 },
})

export function endedEntry(event: EndedEvent): Entry {
  const row: LedgerRow = {
    ...rowOf(event),
    status: event.status,
    attempts: event.attempt,
    usage: event.usage,
    error: event.error,
    started_at: event.started_at,
    completed_at: event.completed_at,
  }
  return event.status === 'failed' ? { row, deadLetter: { ...deadLetterOf(row), message: event.message } } : { row }
}

export const unreadableEntry = ({ message_id, text, at }: UnreadableEvent): Entry => ({
  deadLetter: { id: `message:${message_id}`, reason: 'unreadable', attempts: 0, message: { text }, at },
})

export const refusedEntry = ({ input, at }: RefusedEvent): Entry => ({
  deadLetter: {
    id: `input:${input.queue}:${input.message_id}`,
    reason: input.refusal.code,
    attempts: 0,
    message: input,
    at,
  },
})

/**
 * Makes the ledger entry of a decided outcome. All values that the item has are taken from the item, because the
 * message may have other values: another try with the same Idempotency-Key may have sent a message with another quota
 * window. Only the result comes from the message (rule 9).
 */
export function decidedEntry(event: OutcomeEvent, item: RequestItem): Entry {
  const row: LedgerRow = {
    ...rowOf(event),
    estimated_tokens: item.estimate,
    quota_window: item.window,
    created_at: item.created_at,
    deadline: item.deadline,
    status: item.status as LedgerRow['status'],
    attempts: item.attempt,
    usage: item.usage,
    cost: chargedFor(item)?.cost,
    error: item.error,
    started_at: item.started_at,
    completed_at: item.completed_at,
    result: item.status === 'completed' ? event.result : undefined,
  }
  return row.status === 'failed' ? { row, deadLetter: { ...deadLetterOf(row), message: event.message } } : { row }
}

/**
 * Makes the dead letter of a failed run. Each run has its own, so a redrive that fails again makes another dead letter.
 */
const deadLetterOf = (row: LedgerRow): DeadLetter => ({
  id: `${row.request_id}:${row.run}`,
  request_id: row.request_id,
  model: row.model,
  priority: row.priority,
  reason: row.error?.code ?? 'failed',
  attempts: row.attempts,
  at: row.completed_at ?? row.created_at,
})
