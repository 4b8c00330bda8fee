import { randomUUID } from 'node:crypto'
import type { Announcement } from '../port.ts'
import { MAX_MESSAGE_BYTES } from './capabilities.ts'
import type { Publication } from './link.ts'
import { ERRORS_KEY, RESPONSES_KEY, TEAM_EXCHANGE } from './team-exchange.ts'

/** Readers fetch a result that is too large for a message with GET /v1/inference/{id}. */
function contentOf(ended: Announcement): Buffer {
  const whole = Buffer.from(JSON.stringify(ended))
  if (whole.length <= MAX_MESSAGE_BYTES) return whole
  return Buffer.from(JSON.stringify({ ...ended, result: undefined, result_omitted: true }))
}

/**
 * Publishes how a request ended to the exchange of the team: with the key `responses` if it completed, else with `errors`. A message for
 * which nobody has bound a queue is dropped by the broker, which costs next to nothing.
 */
export const rabbitMqAnnouncer =
  (publish: (publication: Publication) => Promise<void>) =>
  async (ended: Announcement): Promise<void> => {
    await publish({
      exchange: TEAM_EXCHANGE,
      key: ended.status === 'completed' ? RESPONSES_KEY : ERRORS_KEY,
      content: contentOf(ended),
      mayBeDropped: true,
      options: { messageId: randomUUID(), correlationId: ended.request_id, contentType: 'application/json' },
    })
  }
