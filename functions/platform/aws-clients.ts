import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'

/**
 * A call that hangs would hold its caller until the function's timeout, so each try is short; three tries, with the
 * SDK's backoff, stay within the gateway's own timeout. Milliseconds.
 */
const IMPATIENT = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
}

/** What most functions talk to; a benchmark passes its own, to count their calls. */
export interface AwsClients {
  readonly dynamoDb: DynamoDBClient
  readonly sqs: SQSClient
}

export const dynamoDb = (): DynamoDBClient => new DynamoDBClient(IMPATIENT)

/** Repeats no call of its own accord: for what must not be done twice in the same words (see the quota's adapter). */
export const dynamoDbOnce = (): DynamoDBClient => new DynamoDBClient({ ...IMPATIENT, maxAttempts: 1 })

export const awsClients = (): AwsClients => ({ dynamoDb: dynamoDb(), sqs: new SQSClient(IMPATIENT) })
