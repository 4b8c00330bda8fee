import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { isClaimedAlone, STOPPED, sentNoteOf, sentRunOf } from '../../domain/claim.ts'
import { withEndedNote } from '../../domain/ended-note.ts'
import { isTerminal, RequestItem } from '../../domain/item.ts'
import { reading } from '../../domain/reading.ts'
import { type Attributes, type ConditionalWrite, update } from '../../platform/dynamodb.ts'
import { parseStored } from '../../platform/json.ts'

/** The table of request items: partition key `user_id`, sort key `request_id`. */
export interface ItemTable {
  readonly client: DynamoDBClient
  readonly name: string
}

const StoredItem = reading(RequestItem)

type KeyOf = Pick<RequestItem, 'user_id' | 'request_id'>

export const keyOf = ({ user_id, request_id }: KeyOf) => ({ user_id, request_id })

/**
 * Makes the attributes of an item. The field `sent` is stored in `claim_id`, and `alone` and `stopped` are not written
 * here. Metadata is stored as JSON text, because DynamoDB has stricter limits for numbers, names and nesting than JSON.
 */
export const toAttributes = ({ metadata, alone: _, stopped: __, sent, ...item }: RequestItem): Attributes => ({
  ...item,
  ...(sent !== undefined && { claim_id: sentNoteOf(sent) }),
  metadata: metadata && JSON.stringify(metadata),
})

/**
 * Returns the fields that the stored `claim_id` encodes. `alone`: the request runs in an environment without other
 * requests, because its worker has crashed. `stopped`: the local system was stopped while the request ran, so the end of
 * its worker counts as no crash. `sent`: the run whose message is known to be sent, because a repeated POST with the same
 * Idempotency-Key has sent it again.
 */
function toldBy(claimId: string): Pick<RequestItem, 'alone' | 'stopped' | 'sent'> {
  const sent = sentRunOf(claimId)
  return {
    ...(isClaimedAlone(claimId) && { alone: true }),
    ...(claimId === STOPPED && { stopped: true }),
    ...(sent !== undefined && { sent }),
  }
}

/**
 * Reads the attributes of an item. The returned item has no `claim_id`, but what it says: the fields `alone`, `stopped`
 * and `sent`, and in an ended item a note about the usage and the error.
 */
export function toItem(attributes: Attributes | undefined): RequestItem | undefined {
  if (!attributes) return undefined
  const { claim_id, metadata, ...item } = attributes
  const stored = StoredItem.parse({
    ...item,
    ...(typeof metadata === 'string' && { metadata: parseStored(metadata) }),
    ...(typeof claim_id === 'string' && toldBy(claim_id)),
  })
  return isTerminal(stored.status) ? withEndedNote(stored, claim_id) : stored
}

/**
 * Returns the item as it is after a write, whether the write changed it or not. Returns undefined if there is no item.
 */
export const itemAfter = (write: ConditionalWrite): RequestItem | undefined =>
  toItem(write.written ? write.attributes : write.existing)

interface Transition {
  readonly of: KeyOf
  readonly update: string
  readonly condition: readonly string[]
  /** Names in addition to `#status` and `#run`, which every transition has. */
  readonly names?: Record<string, string>
  readonly values: Attributes
}

/** Makes one conditional write of an item. The conditions must include the state from which the transition starts. */
export const transition = (table: ItemTable, { of, names, ...rest }: Transition): Promise<ConditionalWrite> =>
  update(table.client, {
    ...rest,
    table: table.name,
    key: keyOf(of),
    names: { '#status': 'status', '#run': 'run', ...names },
    returns: 'ALL_NEW',
  })
