import { keptInput, type RefusedInput } from '../../../functions/core/domain/messages.ts'
import type { RecordedDeadLetter } from '../../../functions/core/stores/ledger/dead-letters.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'

type Ports = Pick<Admin, 'deadLetters' | 'payloads' | 'sendInput'>

/**
 * Returns the refused message of an input in a dead letter. Returns undefined if the dead letter has something else.
 * Rejects with `Unavailable` if the service can't be reached.
 */
export async function refusedInputOf(
  { deadLetters }: Ports,
  { id, request_id }: RecordedDeadLetter,
): Promise<RefusedInput | undefined> {
  if (request_id !== null) return undefined
  return keptInput(await deadLetters.message(id))
}

/**
 * Sends a refused message to its queue again, without changes. There it is a new message, which the intake admits or
 * refuses. A second call sends a second message. Throws `Refusal` if the message or its queue no longer exists, and `Unavailable` if a service can't be reached.
 */
export async function redriveInput(ports: Ports, { queue, body }: RefusedInput): Promise<void> {
  const text = 'key' in body ? await ports.payloads.get(body.key) : body.inline
  if (typeof text !== 'string') throw new Refusal('its message is no longer kept: it can only be discarded')
  if (!(await ports.sendInput(queue, text)))
    throw new Refusal(`pipeline.yaml no longer has its input ${queue}: it can only be discarded`)
}
