import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { CLIENT_TIMEOUTS, dynamoDb } from './dynamodb-clients.ts'

export { dynamoDb, dynamoDbOnce } from './dynamodb-clients.ts'

/** The clients that most functions need. A benchmark passes its own, to count their calls. */
export interface AwsClients {
  readonly dynamoDb: DynamoDBClient
  readonly sqs: SQSClient
}

export const awsClients = (): AwsClients => ({ dynamoDb: dynamoDb(), sqs: new SQSClient(CLIENT_TIMEOUTS) })
