import { type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { ExecuteStatementCommand, type RDSDataClient } from '@aws-sdk/client-rds-data'
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { unmarshall } from '@aws-sdk/util-dynamodb'

/** The clients and names of all stores of a system. */
export interface Stores {
  readonly dynamoDb: DynamoDBClient
  readonly tables: readonly string[]
  readonly s3: S3Client
  readonly bucket: string
  readonly rdsData: RDSDataClient
  readonly ledger: { readonly resourceArn: string; readonly secretArn: string; readonly database: string }
}

/** Reads all stored data as texts: each DynamoDB item, each S3 object with its key, and each value in Postgres. */
export async function everythingStored(stores: Stores): Promise<string[]> {
  return [...(await itemsOf(stores)), ...(await objectsOf(stores)), ...(await valuesOf(stores))]
}

/** The texts that contain a name as a whole word. For example, a text with `amy2` does not count as a text with `amy`. */
export function tracesOf(texts: readonly string[], name: string): string[] {
  const escaped = name.replaceAll('.', '\\.')
  const alone = new RegExp(`(?<![A-Za-z0-9._@-])${escaped}(?![A-Za-z0-9._@-])`)
  return texts.filter(text => alone.test(text))
}

async function itemsOf({ dynamoDb, tables }: Stores): Promise<string[]> {
  const texts: string[] = []
  for (const TableName of tables)
    for await (const { Items = [] } of paginateScan({ client: dynamoDb }, { TableName, ConsistentRead: true }))
      texts.push(...Items.map(item => `${TableName} ${JSON.stringify(unmarshall(item))}`))
  return texts
}

async function objectsOf({ s3, bucket }: Stores): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }))
  return Promise.all(
    Contents.map(async ({ Key }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }))
      return `${Key} ${await Body?.transformToString()}`
    }),
  )
}

const COLUMNS = `SELECT quote_ident(table_name), quote_ident(column_name)
FROM information_schema.columns WHERE table_schema = 'public'`

/** Reads the values of Postgres column by column, because the Data API returns no row over 64 KB. */
async function valuesOf({ rdsData, ledger }: Stores): Promise<string[]> {
  const execute = async (sql: string): Promise<string[][]> => {
    const { records = [] } = await rdsData.send(new ExecuteStatementCommand({ ...ledger, sql }))
    return records.map(fields => fields.map(({ stringValue = '' }) => stringValue))
  }
  const texts: string[] = []
  for (const [table, column] of await execute(COLUMNS))
    for (const [value] of await execute(`SELECT ${column}::text FROM ${table} WHERE ${column} IS NOT NULL`))
      texts.push(`${table}.${column} ${value}`)
  return texts
}
