import type * as z from 'zod'
import type { Delivery } from './port.ts'

interface ErrorLog {
  error(message: string, fields: { readonly message_id: string; readonly reason: string }): void
}

/**
 * Reads the message of a delivery. Answers with undefined if the body is not JSON, or is not of the schema. The log line does
 * not quote the body.
 */
export function readMessage<Schema extends z.ZodType>(
  schema: Schema,
  { id, body }: Delivery,
  logger: ErrorLog,
): z.infer<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(body))
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'not JSON' : 'not of its schema'
    logger.error('a message cannot be read', { message_id: id, reason })
    return undefined
  }
}
