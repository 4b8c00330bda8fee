import { randomUUID } from 'node:crypto'
import type { Announcement } from '../port.ts'
import { MAX_MESSAGE_BYTES } from './capabilities.ts'
import type { Publication } from './link.ts'
import { ERRORS_KEY, RESPONSES_KEY, TEAM_EXCHANGE } from './team-exchange.ts'

/**
 * Returns the content of an announcement. A result that is too large for a message is left out. Readers of the
 * announcement then fetch the result with GET /v1/inference/{id}.
 */
function contentOf(ended: Announcement): Buffer {
  const whole = Buffer.from(JSON.stringify(ended))
  if (whole.length <= MAX_MESSAGE_BYTES) return whole
  return Buffer.from(JSON.stringify({ ...ended, result: undefined, result_omitted: true }))
}

/**
 * Publishes the end of a request to the exchange that other systems read. The routing key is `responses` if the request
 * completed, and `errors` otherwise. If no other system has bound a queue for this key, the broker drops the message.
 * So a deployment without readers loses almost no time.
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
