import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { dynamoDb } from './dynamodb-clients.ts'

export { dynamoDb, dynamoDbOnce } from './dynamodb-clients.ts'

/**
 * Makes the clients that most functions need if the queues are RabbitMQ's. The bundler takes this file in place of
 * aws-clients.ts.
 */
export const awsClients = (): { readonly dynamoDb: DynamoDBClient } => ({ dynamoDb: dynamoDb() })
