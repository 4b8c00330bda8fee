import type { SQSRecord } from 'aws-lambda'
import * as z from 'zod'
import type { InvocationResult } from '../lambda/protocol.ts'

const PartialResponse = z.object({
  batchItemFailures: z.array(z.object({ itemIdentifier: z.string().min(1) })).nullish(),
})

/**
 * The records of a batch that are done and can be deleted; the others come back when their visibility ends.
 * With `reportsFailures` the function names those that failed: no names is success, and what can't be understood, or names
 * a message that isn't in the batch, fails them all.
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
