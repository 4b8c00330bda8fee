import { randomUUID } from 'node:crypto'
import type { Announcement } from '../port.ts'
import type { Publication } from './link.ts'
import { ERRORS_KEY, RESPONSES_KEY, TEAM_EXCHANGE } from './team-exchange.ts'

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
      content: Buffer.from(JSON.stringify(ended)),
      mayBeDropped: true,
      options: { messageId: randomUUID(), correlationId: ended.request_id, contentType: 'application/json' },
    })
  }
