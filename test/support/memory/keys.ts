import {
  type IdempotencyKeys,
  type KeyedRequest,
  REMEMBERED_MS,
} from '../../../functions/core/stores/idempotency/port.ts'

interface Bound extends KeyedRequest {
  readonly expires_at: number
}

/** Keeps idempotency keys in memory. It passes the same contract as the store in DynamoDB. */
export function memoryKeys(): IdempotencyKeys {
  const bound = new Map<string, Bound>()
  const bindIf = (
    id: string,
    { request_id, fingerprint }: KeyedRequest,
    now: number,
    mayBind: (held: Bound | undefined) => boolean,
  ): KeyedRequest => {
    if (mayBind(bound.get(id))) bound.set(id, { request_id, fingerprint, expires_at: now + REMEMBERED_MS })
    const held = bound.get(id)
    if (!held) throw new Error('a key was rebound that was never bound')
    return { request_id: held.request_id, fingerprint: held.fingerprint }
  }
  return {
    bind: async (user, key, request, now) =>
      bindIf(`${user} ${key}`, request, now, held => held === undefined || held.expires_at <= now),
    rebind: async (user, key, from, request, now) =>
      bindIf(`${user} ${key}`, request, now, held => held?.request_id === from),
  }
}
