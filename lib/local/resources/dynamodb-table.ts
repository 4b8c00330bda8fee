import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  ResourceNotFoundException,
  type TableDescription,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { arn } from '../arn.ts'
import { LocalError } from '../error.ts'
import { created, physicalName, propertiesOf, type ResourceType, type System, unsupported } from './resource.ts'

const KeySchema = z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }))

const Index = z.object({
  IndexName: z.string(),
  KeySchema,
  Projection: z.object({
    ProjectionType: z.enum(['ALL', 'KEYS_ONLY', 'INCLUDE']),
    NonKeyAttributes: z.array(z.string()).optional(),
  }),
})

// The local system ignores the template's settings for encryption, recovery, TTL and replicas. So it never deletes an item because of its TTL.
const Properties = z.object({
  TableName: z.string().optional(),
  AttributeDefinitions: z.array(z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) })),
  KeySchema,
  GlobalSecondaryIndexes: z.array(Index).optional(),
  LocalSecondaryIndexes: unsupported,
})

export const dynamodbTable: ResourceType = async (declared, system) => {
  const { TableName, ...schema } = await propertiesOf(declared, Properties)
  const name = TableName ?? physicalName(system, declared)
  const input = { TableName: name, ...schema, BillingMode: 'PAY_PER_REQUEST' } as CreateTableCommandInput
  const existing = await describe(system, name)
  if (existing) refuseOtherKeys(system, existing, input)
  else await create(system, input)
  return created(name, { Arn: arn('dynamodb', `table/${name}`), TableId: name })
}

async function describe({ dynamodb }: System, name: string): Promise<TableDescription | undefined> {
  try {
    return (await dynamodb.send(new DescribeTableCommand({ TableName: name }))).Table
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

async function create({ dynamodb }: System, input: CreateTableCommandInput): Promise<void> {
  await dynamodb.send(new CreateTableCommand(input))
  // These times are in seconds. The emulator creates a table within some milliseconds, so the first checks follow each other quickly.
  const patience = { maxWaitTime: 30, minDelay: 0.01, maxDelay: 1 }
  await waitUntilTableExists({ client: dynamodb, ...patience }, { TableName: input.TableName })
}

function refuseOtherKeys({ data }: System, existing: TableDescription, wanted: CreateTableCommandInput): void {
  if (keysOf(existing) === keysOf(wanted)) return
  throw new LocalError(
    `Table ${wanted.TableName} in ${data.path} has other keys or indexes than the template. Remove that folder to start with empty tables.`,
  )
}

function keysOf(table: TableDescription | CreateTableCommandInput): string {
  const indexes = table.GlobalSecondaryIndexes ?? []
  const keys = [{ IndexName: '', KeySchema: table.KeySchema }, ...indexes].map(
    ({ IndexName, KeySchema = [] }) => `${IndexName}: ${KeySchema.map(key => `${key.AttributeName} ${key.KeyType}`)}`,
  )
  return keys.sort().join('; ')
}
