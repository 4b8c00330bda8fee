import * as old from './schemas-0.1.0.ts'

/** An item of a table, or a message of a queue. */
export type StoredThing =
  | { readonly table: string; readonly item: Record<string, unknown> }
  | { readonly table?: never; readonly queue: string; readonly message: unknown }

export type StoredItem = Extract<StoredThing, { readonly item: unknown }>

/** Beside the requests of a user, the same table has idempotency keys and wait leases. */
export const isRequest = ({ item }: StoredItem): boolean => old.RequestId.safeParse(item.request_id).success

/** Reads what is stored as 0.1.0 did. Throws where 0.1.0 could not go on. */
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
      // 0.1.0 reads single attributes of quota items, and no others.
      return item
  }
}

/** The claim's id stayed in the adapter, which looked at nothing of it. */
function request({ claim_id: _, metadata, ...item }: Record<string, unknown>): old.RequestItem {
  return old.RequestItem.parse(typeof metadata === 'string' ? { ...item, metadata: JSON.parse(metadata) } : item)
}
