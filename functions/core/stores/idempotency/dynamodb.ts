import { createHash } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { reading } from '../../domain/reading.ts'
import { type Attributes, put } from '../../platform/dynamodb.ts'
import { reaching } from '../../platform/unavailable.ts'
import { type IdempotencyKeys, type KeyedRequest, REMEMBERED_MS } from './port.ts'

/**
 * The time from the `expires_at` of a key's item to the `ttl` at which DynamoDB may delete the item, in milliseconds.
 * DynamoDB deletes late, so the condition compares `expires_at` and does not rely on the deletion.
 */
const CLEAN_UP_MS = REMEMBERED_MS

const Bound = reading(z.strictObject({ bound_to: z.string(), fingerprint: z.string() }))

/**
 * Makes the store of idempotency keys. They are in the same partition as the user's requests. Their sort key
 * `key#<sha256>` sorts after every request id, so a query for the user's requests does not include keys.
 */
export function dynamoKeys(client: DynamoDBClient, table: string): IdempotencyKeys {
  const write = (
    userId: string,
    key: string,
    { request_id, fingerprint }: KeyedRequest,
    now: number,
    condition: string,
    values: Attributes,
  ): Promise<KeyedRequest> =>
    reaching('the requests table', async () => {
      const expiresAt = now + REMEMBERED_MS
      const item = {
        bound_to: request_id,
        fingerprint,
        expires_at: expiresAt,
        ttl: Math.floor((expiresAt + CLEAN_UP_MS) / 1000),
      }
      const written = await put(client, { table, key: keyOf(userId, key), item, condition, values })
      const { bound_to, fingerprint: bound } = Bound.parse(written.written ? item : written.existing)
      return { request_id: bound_to, fingerprint: bound }
    })

  return {
    bind: (userId, key, request, now) =>
      write(userId, key, request, now, 'attribute_not_exists(request_id) OR expires_at <= :now', { ':now': now }),
    rebind: (userId, key, from, request, now) =>
      write(userId, key, request, now, 'bound_to = :from', { ':from': from }),
  }
}

const keyOf = (userId: string, key: string) => ({
  user_id: userId,
  request_id: `key#${createHash('sha256').update(key).digest('hex')}`,
})
