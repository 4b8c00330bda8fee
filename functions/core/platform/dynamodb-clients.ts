import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { leanClient, leanSettings } from './lean-client.ts'

/**
 * The timeout of one try, in milliseconds. Three tries end well before the gateway's own timeout, so that during an
 * outage the gateway can still answer 503.
 */
export const TRY_MS = 3_000

export const CLIENT_SETTINGS = leanSettings(TRY_MS)

export const dynamoDb = (): DynamoDBClient => leanClient(new DynamoDBClient(CLIENT_SETTINGS), TRY_MS)

/**
 * Makes a client that retries no call by itself. It is for writes that must not be repeated unchanged, such as a
 * reservation (stores/quota/dynamodb.ts says why), and for calls whose client can't wait for a retry.
 */
export const dynamoDbOnce = (): DynamoDBClient =>
  leanClient(new DynamoDBClient({ ...CLIENT_SETTINGS, maxAttempts: 1 }), TRY_MS)
