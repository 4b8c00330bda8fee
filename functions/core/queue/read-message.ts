import type { MessageReader, ReadMessage } from '../domain/messages.ts'
import type { Delivery } from './port.ts'

interface ErrorLog {
  error(message: string, fields: Readonly<Record<string, string | number>>): void
}

/**
 * Reads the message of a delivery. A message with an unknown type or version must be redelivered, so that a newer
 * function can take it. The log lines never quote the body, because it may contain a prompt.
 */
export function readMessage<Message>(
  read: MessageReader<Message>,
  { id, body }: Delivery,
  logger: ErrorLog,
): ReadMessage<Message> {
  const found = read(body)
  if (found.kind === 'unknown type') {
    const { type, version } = found
    logger.error('a message of a newer version goes back to its queue', { message_id: id, type, version })
  } else if (found.kind === 'unreadable')
    logger.error('a message cannot be read', { message_id: id, reason: found.reason })
  return found
}
