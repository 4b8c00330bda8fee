import type { SQSRecord } from 'aws-lambda'
import * as z from 'zod'
import type { InvocationResult } from '../lambda/protocol.ts'

const PartialResponse = z.object({
  batchItemFailures: z.array(z.object({ itemIdentifier: z.string().min(1) })).nullish(),
})

/**
 * Lists the records of a batch whose messages can be deleted. The messages of the other records are redelivered when their visibility timeout ends.
 * With `reportsFailures`, the function's result names the failed records, and an empty list means that no record failed. If the result has another
 * shape, or names a message outside the batch, all records count as failed, as on AWS.
 */
export function succeeded(
  result: InvocationResult,
  records: readonly SQSRecord[],
  reportsFailures: boolean,
): readonly SQSRecord[] {
  if (!result.ok) return []
  if (!reportsFailures) return records
  const response = PartialResponse.safeParse(JSON.parse(result.payload) ?? {})
  if (!response.success) return []
  const failed = new Set(response.data.batchItemFailures?.map(failure => failure.itemIdentifier))
  const known = new Set(records.map(record => record.messageId))
  if ([...failed].some(messageId => !known.has(messageId))) return []
  return records.filter(record => !failed.has(record.messageId))
}
