import { randomUUID } from 'node:crypto'
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { WATCHED } from '../../functions/core/stores/quota/names.ts'
import { tablesServer } from '../../lib/local/dynamodb/server.ts'
import { openTables } from '../../lib/local/dynamodb/tables.ts'
import { listenLocally } from '../../lib/local/listen.ts'

export interface DynamoDb {
  readonly client: DynamoDBClient
  close(): Promise<void>
}

const clientOf = (endpoint: string) =>
  new DynamoDBClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })

/** Starts the DynamoDB of the local system, in memory or with its data in a folder. */
export async function startLocalTables(folder?: string): Promise<DynamoDb & { readonly url: string }> {
  const tables = await openTables(folder)
  const server = tablesServer(tables)
  const url = `http://127.0.0.1:${await listenLocally(server)}`
  const client = clientOf(url)
  return {
    client,
    url,
    close: async () => {
      client.destroy()
      server.closeAllConnections()
      server.close()
      await tables.close()
    },
  }
}

/** Connects to a running DynamoDB Local of AWS. */
async function dynamoDbLocal(url: string): Promise<DynamoDb> {
  const client = clientOf(url)
  return { client, close: async () => client.destroy() }
}

const localUrl = process.env.DYNAMODB_LOCAL_URL

/** All engines that can stand in for DynamoDB on this machine. The contract suites run on each of them. */
export const dynamoDbEngines: readonly { readonly name: string; readonly start: () => Promise<DynamoDb> }[] = [
  { name: 'the local tables', start: () => startLocalTables() },
  ...(localUrl ? [{ name: 'DynamoDB Local', start: () => dynamoDbLocal(localUrl) }] : []),
]

/** Creates a table with these string keys, and returns its unique name. The partition key comes first. */
export async function createTable(client: DynamoDBClient, ...keys: string[]): Promise<string> {
  const name = `table-${randomUUID()}`
  await createNamedTable(client, name, keys)
  return name
}

/** Creates a table with this name and these string keys. */
export async function createNamedTable(
  client: DynamoDBClient,
  TableName: string,
  keys: readonly string[],
): Promise<void> {
  await createAndAwait(client, {
    TableName,
    AttributeDefinitions: keys.map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    BillingMode: 'PAY_PER_REQUEST',
  })
}

/** Creates a table, and waits until it is active. Before that, DynamoDB and dynalite answer each call with ResourceNotFoundException. */
async function createAndAwait(client: DynamoDBClient, input: CreateTableCommandInput): Promise<void> {
  await client.send(new CreateTableCommand(input))
  // These times are in seconds.
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.01, maxDelay: 1 }, { TableName: input.TableName })
}

/** Creates a quota table with its index, and returns its name. The default name is unique. */
export async function createQuotaTable(client: DynamoDBClient, TableName = `table-${randomUUID()}`): Promise<string> {
  await createAndAwait(client, {
    TableName,
    AttributeDefinitions: ['pk', WATCHED].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    GlobalSecondaryIndexes: [
      {
        IndexName: WATCHED,
        KeySchema: [{ AttributeName: WATCHED, KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
    BillingMode: 'PAY_PER_REQUEST',
  })
  return TableName
}
export const createRequestsTable = (client: DynamoDBClient) => createTable(client, 'user_id', 'request_id')
