import { INPUT_REMEMBERED_MS, type InputBinding, type InputKeys } from '../../../functions/idempotency/port.ts'

/** What messages of inputs are bound to, in memory: it passes the same contract as the real one. */
export function memoryInputKeys(): InputKeys {
  const bound = new Map<string, { readonly binding: InputBinding; readonly expires_at: number }>()
  const bindIf = (
    id: string,
    binding: InputBinding,
    now: number,
    mayBind: (held: InputBinding | undefined, expires_at: number) => boolean,
  ): InputBinding => {
    const held = bound.get(id)
    if (mayBind(held?.binding, held?.expires_at ?? 0)) bound.set(id, { binding, expires_at: now + INPUT_REMEMBERED_MS })
    const then = bound.get(id)
    if (!then) throw new Error('a message was never bound')
    return then.binding
  }
  const isOf = (held: InputBinding | undefined, request_id: string) =>
    held !== undefined && 'request_id' in held && held.request_id === request_id
  return {
    bind: async (user, message, request_id, now) =>
      bindIf(
        `${user} ${message}`,
        { request_id, admitted: false },
        now,
        (held, expires_at) => held === undefined || expires_at <= now,
      ),
    rebind: async (user, message, from, request_id, now) =>
      bindIf(`${user} ${message}`, { request_id, admitted: false }, now, held => isOf(held, from)),
    admit: async (user, message, request_id, now) =>
      bindIf(`${user} ${message}`, { request_id, admitted: true }, now, held => isOf(held, request_id)),
    refuse: async (user, message, request_id, refusal, now) =>
      bindIf(
        `${user} ${message}`,
        { refusal },
        now,
        held => isOf(held, request_id) && !(held && 'admitted' in held && held.admitted),
      ),
  }
}
