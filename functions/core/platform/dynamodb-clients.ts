import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientTimeouts } from './client-timeouts.ts'
import { connected } from './connected.ts'

/** The timeout of one try, in milliseconds. Three tries end well before the gateway's own timeout. */
export const TRY_MS = 3_000

export const CLIENT_TIMEOUTS = clientTimeouts(TRY_MS)

export const dynamoDb = (): DynamoDBClient => connected(new DynamoDBClient(CLIENT_TIMEOUTS), TRY_MS)

/**
 * Makes a client that retries no call by itself. It is for writes that must not be repeated unchanged (see the quota's
 * adapter), and for calls that a retry would make too late.
 */
export const dynamoDbOnce = (): DynamoDBClient =>
  connected(new DynamoDBClient({ ...CLIENT_TIMEOUTS, maxAttempts: 1 }), TRY_MS)
