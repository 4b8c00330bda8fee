import type { PlantedBug } from '../compose.ts'
import { withoutClauses } from './commands.ts'

/** Planted bugs in the deletion of a request by its owner. */
export const IN_ERASURES: readonly PlantedBug[] = [
  {
    name: 'a request is marked as deleted before its data is deleted',
    ports: ports => ({
      ...ports,
      ledger: {
        ...ports.ledger,
        erase: async (item, now) => {
          const { user_id, request_id } = item
          await ports.items.erase({ user_id, request_id })
          await ports.ledger.erase(item, now)
        },
      },
    }),
  },
  {
    name: 'a deletion does not check whether its request runs again',
    command: withoutClauses('requests', ['attribute_exists(completed_at) OR cancel_requested']),
  },
  {
    name: 'a redrive does not check whether its request is deleted',
    seenAt: 670,
    command: withoutClauses('requests', ['attribute_not_exists(erased)']),
  },
]
