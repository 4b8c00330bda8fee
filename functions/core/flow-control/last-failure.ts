import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { reading } from '../domain/reading.ts'
import { get, put } from '../platform/dynamodb.ts'
import { reaching } from '../platform/unavailable.ts'
import type { FailureNotes, LastFailure } from './port.ts'

/**
 * Returns the key of the item with a model's last failed call. The models table has a separate item for this call,
 * because version 0.1.0 can't read a model's state with an additional field, and could make no call to the model after
 * a rollback. No model's name has a `#`, so the state of no model has this key.
 */
const keyOf = (model: string): string => `${model}#last_failure`

const Stored = reading(
  z.strictObject({
    at: z.int(),
    code: z.string(),
    status: z.int().optional(),
    reason: z.string(),
    request_id: z.string(),
  }),
)

/**
 * The most characters of a reason that are kept. They are enough for Sluice's sentence, and for 500 characters of the
 * model's own words.
 */
const LONGEST_REASON = 800

/** Makes the store of each model's last failed call in DynamoDB. */
export function dynamoFailureNotes(client: DynamoDBClient, table: string): FailureNotes {
  return {
    note: (model, { reason, ...failure }) =>
      reaching('the models table', async () => {
        await put(client, {
          table,
          key: { model: keyOf(model) },
          item: { ...failure, reason: reason.slice(0, LONGEST_REASON).toWellFormed() },
          condition: 'attribute_not_exists(#at) OR #at <= :at',
          names: { '#at': 'at' },
          values: { ':at': failure.at },
        })
      }),
    last: model =>
      reaching('the models table', async () => {
        const item = await get(client, table, { model: keyOf(model) })
        return item && fromItem(item)
      }),
  }
}

function fromItem({ model: _, ...item }: Record<string, unknown>): LastFailure {
  const { at, code, status, reason, request_id } = Stored.parse(item)
  return { at, code, ...(status !== undefined && { status }), reason, request_id }
}
