import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'

export type Attributes = Record<string, unknown>

/**
 * The result of a conditional write. If the condition did not hold, `existing` is the item that was there, or undefined
 * without an item.
 */
export type ConditionalWrite =
  | { readonly written: true; readonly attributes: Attributes }
  | { readonly written: false; readonly existing: Attributes | undefined }

interface Update {
  readonly table: string
  readonly key: Attributes
  readonly update: string
  /** The clauses of the condition, which must all hold. A clause with an OR must have its own parentheses. */
  readonly condition: readonly string[]
  readonly names?: Record<string, string>
  readonly values: Attributes
  readonly returns?: 'ALL_NEW' | 'UPDATED_NEW'
}

const marshalled = (value: Attributes) => marshall(value, { removeUndefinedValues: true })

/** Makes one conditional UpdateItem. */
export function update(client: DynamoDBClient, u: Update): Promise<ConditionalWrite> {
  const input: UpdateItemCommandInput = {
    TableName: u.table,
    Key: marshalled(u.key),
    UpdateExpression: u.update,
    ConditionExpression: u.condition.join(' AND '),
    ExpressionAttributeNames: u.names,
    ExpressionAttributeValues: marshalled(u.values),
    ReturnValues: u.returns ?? 'NONE',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }
  return conditionally(client, u.table, u.key, async () => {
    const { Attributes: written } = await client.send(new UpdateItemCommand(input))
    return written === undefined ? {} : unmarshall(written)
  })
}

/** Makes one conditional PutItem. */
export function put(
  client: DynamoDBClient,
  p: {
    table: string
    key: Attributes
    item: Attributes
    condition: string
    names?: Record<string, string>
    values?: Attributes
  },
): Promise<ConditionalWrite> {
  const input: PutItemCommandInput = {
    TableName: p.table,
    Item: marshalled({ ...p.item, ...p.key }),
    ConditionExpression: p.condition,
    ExpressionAttributeNames: p.names,
    ExpressionAttributeValues: p.values && marshalled(p.values),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }
  return conditionally(client, p.table, p.key, async () => {
    await client.send(new PutItemCommand(input))
    return p.item
  })
}

/**
 * Reads an item. By default, the read is strongly consistent. Otherwise, it is eventually consistent: it costs half as
 * much, and may miss writes of the last seconds.
 */
export async function get(
  client: DynamoDBClient,
  table: string,
  key: Attributes,
  isConsistent = true,
): Promise<Attributes | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: table, Key: marshalled(key), ConsistentRead: isConsistent }),
  )
  return Item && unmarshall(Item)
}

async function conditionally(
  client: DynamoDBClient,
  table: string,
  key: Attributes,
  write: () => Promise<Attributes>,
): Promise<ConditionalWrite> {
  try {
    return { written: true, attributes: await write() }
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error
    // The exception has no item if there is none, or if an implementation of DynamoDB does not return the item. A read
    // shows which case it is.
    const existing = error.Item ? unmarshall(error.Item) : await get(client, table, key)
    return { written: false, existing }
  }
}
