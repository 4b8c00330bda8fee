import type { WaitLeases } from '../../../functions/core/stores/waits/port.ts'

interface Held {
  readonly user_id: string
  readonly nonce: string
  readonly entry: string
  readonly until: number
}

/** Keeps wait leases (the rights of calls to wait for a request) in memory. It passes the same contract as the store in DynamoDB. */
export function memoryWaitLeases(): WaitLeases & { held(): number } {
  let held: Held[] = []
  return {
    held: () => held.length,
    acquire: async (wait, { per_user, total }, now) => {
      const { user_id, request_id, nonce, until } = wait
      const live = held.filter(lease => lease.until > now)
      const own = live.filter(lease => lease.user_id === user_id)
      const repeated = own.find(lease => lease.nonce === nonce)
      if (repeated) return { user_id, nonce, entry: repeated.entry, shard: 0 }
      const isHeld = own.some(({ entry }) => entry === request_id)
      if (own.length >= per_user || live.length >= total || (isHeld && !wait.beside_others)) return undefined
      const entry = isHeld ? `${request_id}:${nonce}` : request_id
      held = [...live, { user_id, nonce, entry, until }]
      return { user_id, nonce, entry, shard: 0 }
    },
    release: async lease => {
      held = held.filter(({ user_id, nonce }) => user_id !== lease.user_id || nonce !== lease.nonce)
    },
  }
}
