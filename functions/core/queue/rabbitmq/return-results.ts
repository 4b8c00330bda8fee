import type { Channel, GetMessage } from 'amqplib'
import { DEAD_LETTERS, RESULTS_QUEUE } from '../names.ts'
import type { Connection } from './connection.ts'
import { headersOfCopy, RETURNS } from './receiver.ts'

/**
 * The most results that one operation sends, so that it ends within the time of its function. An operator repeats the
 * operation for more.
 */
const MOST = 500

/**
 * Sends dead results to their queue again, and returns their number: 500 at most. If it stops on the way, a result may
 * be there twice, which does no harm. Rejects with `Unavailable`.
 */
export const rabbitMqReturnResults = (prefix: string, connection: Connection) => async (): Promise<number> => {
  const queue = prefix + RESULTS_QUEUE
  const link = await connection.link()
  return link.onChannel(async channel => {
    for (let sent = 0; sent < MOST; sent++) {
      const message = await channel.get(queue + DEAD_LETTERS)
      if (message === false) return sent
      await sendAgain(connection, channel, queue, message)
    }
    return MOST
  })
}

/**
 * Sends a dead letter to its queue again. It leaves the dead-letter queue only after the broker has confirmed the new
 * message.
 */
async function sendAgain(connection: Connection, channel: Channel, queue: string, message: GetMessage): Promise<void> {
  const { messageId, contentType, headers = {} } = message.properties
  await connection.publish({
    exchange: '',
    key: queue,
    content: message.content,
    options: {
      messageId: String(messageId),
      contentType: String(contentType),
      headers: { ...headersOfCopy(headers), [RETURNS]: 0 },
    },
  })
  channel.ack(message)
}
