import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { type Emulator, startEmulator } from '../../lib/local/emulators/host.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'

const ACCESS_KEY_ID = 'bench'
const CREDENTIALS = { region: 'us-east-1', credentials: credentialsOf(ACCESS_KEY_ID) }
const emulators = new URL('../../lib/local/emulators/', import.meta.url)

export interface Engines {
  newDynamoDb(): DynamoDBClient
  newSqs(): SQSClient
  newRdsData(): RDSDataClient
  /** The name of the engine that answers as DynamoDB, for the titles of results. */
  readonly dynamoDbName: string
  close(): Promise<void>
}

/** Starts the local system's emulators, each in its own thread. With `DYNAMODB_LOCAL_URL`, AWS's DynamoDB Local takes the place of the tables' emulator. */
export async function startEngines(): Promise<Engines> {
  const log = (line: string) => process.stderr.write(`${line}\n`)
  const start = (file: string) => startEmulator(new URL(file, emulators), { accessKeyId: ACCESS_KEY_ID }, log)
  const running: Emulator[] = [start('dynamodb.ts'), start('sqs-s3.ts'), start('rds-data.ts')]
  const [tables = '', sqs = '', rdsData = ''] = await Promise.all(running.map(emulator => emulator.endpoint))
  const dynamoDbLocal = process.env.DYNAMODB_LOCAL_URL
  return {
    newDynamoDb: () => new DynamoDBClient({ ...CREDENTIALS, endpoint: dynamoDbLocal ?? tables }),
    newSqs: () => new SQSClient({ ...CREDENTIALS, endpoint: sqs }),
    newRdsData: () => new RDSDataClient({ ...CREDENTIALS, endpoint: rdsData }),
    dynamoDbName: dynamoDbLocal ? 'DynamoDB Local' : "the local system's emulator of DynamoDB",
    close: async () => {
      await Promise.all(running.map(emulator => emulator.close()))
    },
  }
}

export async function createTable(
  client: DynamoDBClient,
  name: string,
  partition: string,
  sort?: string,
): Promise<void> {
  const keys = [partition, ...(sort ? [sort] : [])]
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    }),
  )
}

/** Creates a queue, and returns the part of its URL before its name. */
export async function createQueue(client: SQSClient, name: string): Promise<string> {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: name }))
  return QueueUrl.slice(0, -name.length)
}
