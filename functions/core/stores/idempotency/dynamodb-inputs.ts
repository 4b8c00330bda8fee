import { createHash } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import type { Refusal } from '../../domain/errors.ts'
import { type Attributes, put } from '../../platform/dynamodb.ts'
import { reaching } from '../../platform/unavailable.ts'
import { INPUT_REMEMBERED_MS, type InputBinding, type InputKeys } from './port.ts'

/**
 * The time from the `expires_at` of a message's item to the `ttl` at which DynamoDB may delete the item, in
 * milliseconds. DynamoDB deletes late, so the conditions compare `expires_at` and do not rely on the deletion.
 */
const CLEAN_UP_MS = 24 * 3_600_000

/**
 * The stored binding of a message. The item of a refused message has no `bound_to`. So a later write that expects the
 * message to be bound to a request fails, and the refusal is final.
 */
const Stored = z.looseObject({
  bound_to: z.string().optional(),
  refusal: z.custom<Refusal>().optional(),
})

const IS_BOUND_TO = 'bound_to = :from'
const IS_NOT_ADMITTED = 'attribute_not_exists(admitted)'

/**
 * Makes the store of the keys of input queues' messages. They are in the user's partition, as are the idempotency keys
 * of clients. Their sort key `key#input#<sha256>` differs from every client's `key#<sha256>`. So no client can send a
 * key that collides with a message.
 */
export function dynamoInputKeys(client: DynamoDBClient, table: string): InputKeys {
  const write = (
    userId: string,
    message: string,
    binding: Attributes,
    now: number,
    condition: string,
    values: Attributes,
  ): Promise<InputBinding> =>
    reaching('the requests table', async () => {
      const expiresAt = now + INPUT_REMEMBERED_MS
      const item = { ...binding, expires_at: expiresAt, ttl: Math.floor((expiresAt + CLEAN_UP_MS) / 1000) }
      const key = keyOf(userId, message)
      const written = await put(client, { table, key, item, condition, values })
      return toBinding(Stored.parse(written.written ? item : written.existing))
    })

  return {
    bind: (userId, message, requestId, now) =>
      write(userId, message, { bound_to: requestId }, now, 'attribute_not_exists(request_id) OR expires_at <= :now', {
        ':now': now,
      }),
    rebind: (userId, message, from, requestId, now) =>
      write(userId, message, { bound_to: requestId }, now, IS_BOUND_TO, { ':from': from }),
    admit: (userId, message, requestId, now) =>
      write(userId, message, { bound_to: requestId, admitted: true }, now, IS_BOUND_TO, { ':from': requestId }),
    refuse: (userId, message, requestId, refusal, now) =>
      write(userId, message, { refusal }, now, `${IS_BOUND_TO} AND ${IS_NOT_ADMITTED}`, { ':from': requestId }),
  }
}

function toBinding({ bound_to, refusal }: z.infer<typeof Stored>): InputBinding {
  if (refusal) return { refusal }
  if (bound_to === undefined) throw new Error('a message is bound to nothing')
  return { request_id: bound_to }
}

const keyOf = (userId: string, message: string) => ({
  user_id: userId,
  request_id: `key#input#${createHash('sha256').update(message).digest('hex')}`,
})
