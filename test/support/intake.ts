import { RefusedEvent } from '../../functions/core/domain/messages.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { UserRecord } from '../../functions/core/stores/access/port.ts'
import type { Input } from '../../functions/intake/input.ts'
import { memoryInputKeys } from './memory/input-keys.ts'
import { memoryPorts } from './ports.ts'
import { newUser } from './requests.ts'

/** An intake in memory, and the refusals that it reports. By default, each user id belongs to a user with the plan `free`. */
export function anIntake() {
  const memory = memoryPorts()
  const set = new Map<string, UserRecord>()
  const absent = new Set<string>()
  const onFree = (id: string): UserRecord => ({ user_id: id, plan: 'free', overrides: {} })
  const ports = {
    ...memory,
    inputs: memoryInputKeys(),
    users: { user: async (id: string) => (absent.has(id) ? undefined : (set.get(id) ?? onFree(id))) },
  }
  return {
    ports,
    setUser: (userId: string, plan: string, overrides: UserRecord['overrides'] = {}) =>
      set.set(userId, { user_id: userId, plan, overrides }),
    disableUser: (userId: string, disabledAt: number) =>
      set.set(userId, { ...onFree(userId), disabled_at: disabledAt }),
    /** Removes the user with this id. */
    removeUser: (userId: string) => absent.add(userId),
    /** Undoes `removeUser`. */
    createUser: (userId: string) => absent.delete(userId),
    /** The `refused` events that the intake has sent, as the collector reads them. Each becomes a dead letter. */
    reported: () =>
      memory.queue
        .sent(RESULTS_QUEUE)
        .map(({ body }) => body as { type: string })
        .filter(({ type }) => type === 'refused')
        .map(body => RefusedEvent.parse(body)),
  }
}
export type Intake = ReturnType<typeof anIntake>

let messages = 0

/** A new message of an input queue, of a new user. */
export function anInput(body: object | string = {}, fields: Partial<Input> = {}): Input & { readonly user_id: string } {
  const userId = newUser()
  const text = typeof body === 'string' ? body : JSON.stringify({ user_id: userId, prompt: 'hello', ...body })
  return { user_id: userId, queue: 'nightly', message_id: `m-${messages++}`, text, given_up: false, ...fields }
}
