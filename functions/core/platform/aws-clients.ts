import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { CLIENT_SETTINGS, dynamoDb, TRY_MS } from './dynamodb-clients.ts'
import { leanClient } from './lean-client.ts'

export { dynamoDb, dynamoDbOnce } from './dynamodb-clients.ts'

/** The clients that most functions need. A benchmark passes its own clients, to count the calls to AWS. */
export interface AwsClients {
  readonly dynamoDb: DynamoDBClient
  readonly sqs: SQSClient
}

export const awsClients = (): AwsClients => ({
  dynamoDb: dynamoDb(),
  sqs: leanClient(new SQSClient(CLIENT_SETTINGS), TRY_MS),
})
