import { RefusedEvent } from '../../functions/core/domain/messages.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { UserRecord } from '../../functions/core/stores/access/port.ts'
import type { Input } from '../../functions/intake/input.ts'
import { memoryInputKeys } from './memory/input-keys.ts'
import { memoryPorts } from './ports.ts'
import { newUser } from './requests.ts'

/** An intake in memory, whose users are those that a test has set; and the refusals that it reports. */
export function anIntake() {
  const memory = memoryPorts()
  const set = new Map<string, UserRecord>()
  const ports = {
    ...memory,
    inputs: memoryInputKeys(),
    users: { user: async (id: string) => set.get(id) },
  }
  return {
    ports,
    setUser: (user_id: string, plan: string, overrides: UserRecord['overrides'] = {}) =>
      set.set(user_id, { user_id, plan, overrides }),
    disableUser: (user_id: string, disabled_at: number) =>
      set.set(user_id, { user_id, plan: 'free', overrides: {}, disabled_at }),
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
  const user_id = newUser()
  const text = typeof body === 'string' ? body : JSON.stringify({ user_id, prompt: 'hello', ...body })
  return { user_id, queue: 'nightly', message_id: `m-${messages++}`, text, given_up: false, ...fields }
}
