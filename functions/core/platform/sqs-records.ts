import type { Logger } from '@aws-lambda-powertools/logger'
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type { MessageReader, ReadMessage } from '../domain/messages.ts'

/** Reads the message of a record. Logs what keeps it from being read; the text itself is never logged. */
export function readRecord<Message>(
  read: MessageReader<Message>,
  { body, messageId: message_id }: SQSRecord,
  logger: Pick<Logger, 'error'>,
): ReadMessage<Message> {
  const found = read(body)
  if (found.kind === 'unknown type') {
    const { type, version } = found
    logger.error('a message of a newer version goes back to its queue', { message_id, type, version })
  } else if (found.kind === 'unreadable') logger.error('a message cannot be read', { message_id, reason: found.reason })
  return found
}

/** A partial batch response: the records that SQS shall deliver again. */
export const retryLater = (records: Iterable<SQSRecord>): SQSBatchResponse => ({
  batchItemFailures: Array.from(records, ({ messageId }) => ({ itemIdentifier: messageId })),
})
