import {
  INPUT_REMEMBERED_MS,
  type InputBinding,
  type InputKeys,
} from '../../../functions/core/stores/idempotency/port.ts'

interface Held {
  readonly binding: InputBinding
  readonly admitted: boolean
  readonly expires_at: number
}

/** Keeps in memory to which request each message of an input queue is bound. It passes the same contract as the store in DynamoDB. */
export function memoryInputKeys(): InputKeys {
  const bound = new Map<string, Held>()
  const bindIf = (
    id: string,
    { binding, admitted = false }: { binding: InputBinding; admitted?: boolean },
    now: number,
    mayBind: (held: Held | undefined) => boolean,
  ): InputBinding => {
    if (mayBind(bound.get(id))) bound.set(id, { binding, admitted, expires_at: now + INPUT_REMEMBERED_MS })
    const then = bound.get(id)
    if (!then) throw new Error('a message was never bound')
    return then.binding
  }
  const isOf = (held: Held | undefined, requestId: string) =>
    held !== undefined && 'request_id' in held.binding && held.binding.request_id === requestId
  return {
    bind: async (user, message, requestId, now) =>
      bindIf(
        `${user} ${message}`,
        { binding: { request_id: requestId } },
        now,
        held => held === undefined || held.expires_at <= now,
      ),
    rebind: async (user, message, from, requestId, now) =>
      bindIf(`${user} ${message}`, { binding: { request_id: requestId } }, now, held => isOf(held, from)),
    admit: async (user, message, requestId, now) =>
      bindIf(`${user} ${message}`, { binding: { request_id: requestId }, admitted: true }, now, held =>
        isOf(held, requestId),
      ),
    refuse: async (user, message, requestId, refusal, now) =>
      bindIf(
        `${user} ${message}`,
        { binding: { refusal } },
        now,
        held => isOf(held, requestId) && held?.admitted === false,
      ),
  }
}
