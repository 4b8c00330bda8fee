import { ConditionalCheckFailedException, DeleteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import type { Attributes } from './dynamodb.ts'

interface Deletion {
  readonly table: string
  readonly key: Attributes
  /** The condition must also hold without an item, because a repeated deletion finds none, and must return true as well. */
  readonly condition: string
  readonly names?: Record<string, string>
  readonly values?: Attributes
}

/** Makes one conditional DeleteItem. Returns false, and deletes nothing, if the condition does not hold. */
export async function deleteIf(client: DynamoDBClient, deletion: Deletion): Promise<boolean> {
  try {
    await client.send(
      new DeleteItemCommand({
        TableName: deletion.table,
        Key: marshall(deletion.key),
        ConditionExpression: deletion.condition,
        ExpressionAttributeNames: deletion.names,
        ExpressionAttributeValues: deletion.values && marshall(deletion.values),
      }),
    )
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}
