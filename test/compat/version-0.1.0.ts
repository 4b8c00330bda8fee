import * as old from './schemas-0.1.0.ts'

/** An item of a table, or a message of a queue. */
export type StoredThing =
  | { readonly table: string; readonly item: Record<string, unknown> }
  | { readonly table?: never; readonly queue: string; readonly message: unknown }

export type StoredItem = Extract<StoredThing, { readonly item: unknown }>

/** Whether an item is a request. The same table also has idempotency keys and wait leases (rights of calls to wait for a request). */
export const isRequest = ({ item }: StoredItem): boolean => old.RequestId.safeParse(item.request_id).success

/** Reads a message or an item as version 0.1.0 does. Throws if 0.1.0 would throw. */
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
      // Version 0.1.0 reads only some attributes of a quota item, and ignores the others. So it accepts any quota item.
      return item
  }
}

/** Parses a request item as the adapter of 0.1.0 does: without the claim's id, and with the metadata parsed from its JSON text. */
function request({ claim_id: _, metadata, ...item }: Record<string, unknown>): old.RequestItem {
  return old.RequestItem.parse(typeof metadata === 'string' ? { ...item, metadata: JSON.parse(metadata) } : item)
}
