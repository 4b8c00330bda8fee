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

/** What messages of inputs are bound to, in memory: it passes the same contract as the real one. */
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
  const isOf = (held: Held | undefined, request_id: string) =>
    held !== undefined && 'request_id' in held.binding && held.binding.request_id === request_id
  return {
    bind: async (user, message, request_id, now) =>
      bindIf(
        `${user} ${message}`,
        { binding: { request_id } },
        now,
        held => held === undefined || held.expires_at <= now,
      ),
    rebind: async (user, message, from, request_id, now) =>
      bindIf(`${user} ${message}`, { binding: { request_id } }, now, held => isOf(held, from)),
    admit: async (user, message, request_id, now) =>
      bindIf(`${user} ${message}`, { binding: { request_id }, admitted: true }, now, held => isOf(held, request_id)),
    refuse: async (user, message, request_id, refusal, now) =>
      bindIf(
        `${user} ${message}`,
        { binding: { refusal } },
        now,
        held => isOf(held, request_id) && held?.admitted === false,
      ),
  }
}
