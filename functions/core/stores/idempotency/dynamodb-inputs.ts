import { createHash } from 'node:crypto'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import type { Refusal } from '../../domain/errors.ts'
import { type Attributes, put } from '../../platform/dynamodb.ts'
import { reaching } from '../../platform/unavailable.ts'
import { INPUT_REMEMBERED_MS, type InputBinding, type InputKeys } from './port.ts'

/**
 * How long after its `expires_at` a message is deleted, in milliseconds. DynamoDB deletes late, so a message no longer
 * counts after its own `expires_at`.
 */
const CLEAN_UP_MS = 24 * 3_600_000

/** A stored binding. A refused message is no longer bound to a request, so no condition on its request holds. */
const Stored = z.looseObject({
  bound_to: z.string().optional(),
  refusal: z.custom<Refusal>().optional(),
})

const IS_BOUND_TO = 'bound_to = :from'
const IS_NOT_ADMITTED = 'attribute_not_exists(admitted)'

/**
 * Makes the store of messages' keys. They are beside the keys of clients in the user's partition. `key#input#<sha256>`
 * differs from every client's `key#<sha256>`, whatever key a client sends.
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
