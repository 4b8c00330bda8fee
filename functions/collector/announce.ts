import type { Failure, RequestItem, Status } from '../core/domain/item.ts'
import type { EndedEvent, OutcomeEvent, ResultEvent } from '../core/domain/messages.ts'
import type { Announcement } from '../core/queue/port.ts'
import { findPayload } from '../core/stores/payloads/port.ts'
import type { CollectorPorts } from './ports.ts'

type AnnouncingPorts = Pick<CollectorPorts, 'queue' | 'payloads'>

/**
 * Announces the end of a request: with RabbitMQ, other systems of the team read a message about it from the broker. A
 * redelivered event announces the same end again, so these systems must compare `request_id` to notice the repetition.
 * Rejects with `Unavailable` if the service can't be reached.
 */
export async function announce(
  { queue, payloads }: AnnouncingPorts,
  event: ResultEvent,
  item: RequestItem | undefined,
): Promise<void> {
  if (event.type === 'outcome' && item) {
    const result = item.status === 'completed' && event.result ? await findPayload(payloads, event.result) : undefined
    await queue.announce?.({ ...announcementOf(event, item.status, item.error), result, usage: item.usage })
  } else if (event.type === 'ended' && event.status !== 'rejected') {
    await queue.announce?.(announcementOf(event, event.status, event.error))
  }
}

const announcementOf = (
  { request_id, user_id, model, estimate, metadata }: OutcomeEvent | EndedEvent,
  status: Status,
  error: Failure | undefined,
): Announcement => ({
  request_id,
  user_id,
  model,
  status,
  estimated_tokens: estimate,
  metadata,
  error: error?.message,
  code: error?.code,
})
