import { RefusedEvent } from '../../functions/core/domain/messages.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { UserRecord } from '../../functions/core/stores/access/port.ts'
import type { Input } from '../../functions/intake/input.ts'
import { memoryInputKeys } from './memory/input-keys.ts'
import { memoryPorts } from './ports.ts'
import { newUser } from './requests.ts'

/** An intake in memory, where everybody is a user on the plan free, unless a test says otherwise; and the refusals that it reports. */
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
    /** From now on, nobody has this id. */
    removeUser: (userId: string) => absent.add(userId),
    /** Undoes `removeUser`. */
    createUser: (userId: string) => absent.delete(userId),
    /** The dead letters to be, as the collector would read them. */
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

/** A message that no queue has seen, of a user of its own. */
export function anInput(body: object | string = {}, fields: Partial<Input> = {}): Input & { readonly user_id: string } {
  const userId = newUser()
  const text = typeof body === 'string' ? body : JSON.stringify({ user_id: userId, prompt: 'hello', ...body })
  return { user_id: userId, queue: 'nightly', message_id: `m-${messages++}`, text, given_up: false, ...fields }
}
