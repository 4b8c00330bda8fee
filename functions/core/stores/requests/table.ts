import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { isClaimedAlone } from '../../domain/claim.ts'
import { RequestItem } from '../../domain/item.ts'
import { type Attributes, type ConditionalWrite, update } from '../../platform/dynamodb.ts'
import { parseStored } from '../../platform/json.ts'

/** The table of request items: partition key `user_id`, sort key `request_id`. */
export interface ItemTable {
  readonly client: DynamoDBClient
  readonly name: string
}

type KeyOf = Pick<RequestItem, 'user_id' | 'request_id'>

export const keyOf = ({ user_id, request_id }: KeyOf) => ({ user_id, request_id })

/** Metadata is kept as JSON text: DynamoDB's own numbers, names and nesting are narrower than JSON's. */
export const toAttributes = ({ metadata, alone: _, ...item }: RequestItem): Attributes => ({
  ...item,
  metadata: metadata && JSON.stringify(metadata),
})

/** `claim_id` is the adapter's own: of it, only whether its worker runs the request alone leaves. */
export function toItem(attributes: Attributes | undefined): RequestItem | undefined {
  if (!attributes) return undefined
  const { claim_id, metadata, ...item } = attributes
  return RequestItem.parse({
    ...item,
    ...(typeof metadata === 'string' && { metadata: parseStored(metadata) }),
    ...(typeof claim_id === 'string' && isClaimedAlone(claim_id) && { alone: true }),
  })
}

/** The item as it is after a write, whether the write changed it or not; undefined where there is none. */
export const itemAfter = (write: ConditionalWrite): RequestItem | undefined =>
  toItem(write.written ? write.attributes : write.existing)

interface Transition {
  readonly of: KeyOf
  readonly update: string
  readonly condition: readonly string[]
  /** Beside `#status` and `#run`, which every transition has. */
  readonly names?: Record<string, string>
  readonly values: Attributes
}

/** One conditional write of an item on the state that it leaves. */
export const transition = (table: ItemTable, { of, names, ...rest }: Transition): Promise<ConditionalWrite> =>
  update(table.client, {
    ...rest,
    table: table.name,
    key: keyOf(of),
    names: { '#status': 'status', '#run': 'run', ...names },
    returns: 'ALL_NEW',
  })
