import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { clientTimeouts } from './client-timeouts.ts'

/** Three tries with this timeout end well before the gateway's own timeout. */
export const CLIENT_TIMEOUTS = clientTimeouts(3_000)

export const dynamoDb = (): DynamoDBClient => new DynamoDBClient(CLIENT_TIMEOUTS)

/** A client that retries no call by itself. It is for writes that must not be repeated unchanged (see the quota's adapter), and for calls that a retry would make too late. */
export const dynamoDbOnce = (): DynamoDBClient => new DynamoDBClient({ ...CLIENT_TIMEOUTS, maxAttempts: 1 })
