import type { Logger } from '@aws-lambda-powertools/logger'
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type * as z from 'zod'

/** The JSON of a message; undefined when it is none, or not what the schema says. The text itself is never logged. */
export function parseMessage<Schema extends z.ZodType>(
  schema: Schema,
  record: SQSRecord,
  logger: Pick<Logger, 'error'>,
): z.infer<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(record.body))
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'not JSON' : 'not of its schema'
    logger.error('a message cannot be read', { message_id: record.messageId, reason })
    return undefined
  }
}

/** A partial batch response: the records that SQS shall deliver again. */
export const retryLater = (records: Iterable<SQSRecord>): SQSBatchResponse => ({
  batchItemFailures: Array.from(records, ({ messageId }) => ({ itemIdentifier: messageId })),
})
