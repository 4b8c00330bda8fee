import * as old from './schemas-0.1.0.ts'

/** An item of a table, or a message of a queue. */
export type StoredThing =
  | { readonly table: string; readonly item: Record<string, unknown> }
  | { readonly table?: never; readonly queue: string; readonly message: unknown }

export type StoredItem = Extract<StoredThing, { readonly item: unknown }>

/** Tells requests from the idempotency keys and the leases of waits in the same table. */
export const isRequest = ({ item }: StoredItem): boolean => old.RequestId.safeParse(item.request_id).success

/** Reads a message or an item as 0.1.0 did. Throws if 0.1.0 would throw. */
export function readAs010(stored: StoredThing): unknown {
  if (stored.table === undefined) return old.AnyMessage.parse(stored.message)
  const { table, item } = stored
  switch (table) {
    case 'requests':
      return isRequest(stored) ? request(item) : item
    case 'models': {
      const { model: _, ...state } = item
      return old.GuardState.parse(state)
    }
    case 'keys':
      return old.KeyRecord.parse(item)
    case 'users':
      return old.UserRecord.parse(item)
    default:
      // 0.1.0 reads only some attributes of a quota item, and ignores the others.
      return item
  }
}

/** The adapter of 0.1.0 removed the claim's id before it parsed an item. */
function request({ claim_id: _, metadata, ...item }: Record<string, unknown>): old.RequestItem {
  return old.RequestItem.parse(typeof metadata === 'string' ? { ...item, metadata: JSON.parse(metadata) } : item)
}
