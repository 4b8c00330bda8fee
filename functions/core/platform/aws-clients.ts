import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { impatient } from './client-timeouts.ts'

/** Three tries of it stay far within the gateway's own timeout. */
const IMPATIENT = impatient(3_000)

/** What most functions talk to; a benchmark passes its own, to count their calls. */
export interface AwsClients {
  readonly dynamoDb: DynamoDBClient
  readonly sqs: SQSClient
}

export const dynamoDb = (): DynamoDBClient => new DynamoDBClient(IMPATIENT)

/** Repeats no call of its own accord: for what must not be done twice in the same words (see the quota's adapter), or is soon too late. */
export const dynamoDbOnce = (): DynamoDBClient => new DynamoDBClient({ ...IMPATIENT, maxAttempts: 1 })

export const awsClients = (): AwsClients => ({ dynamoDb: dynamoDb(), sqs: new SQSClient(IMPATIENT) })
