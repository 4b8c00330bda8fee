import type { Accepted } from '../core/admission/accept.ts'
import { type Refusal, RequestError } from '../core/domain/errors.ts'
import type { RefusedEvent } from '../core/domain/messages.ts'
import { RESULTS_QUEUE } from '../core/queue/names.ts'
import { refusedInputKey } from '../core/stores/payloads/names.ts'
import { checkIn } from '../core/stores/payloads/port.ts'
import { type Input, type Order, parseInput } from './input.ts'
import type { IntakePorts } from './ports.ts'
import { keptRefusal } from './refusal.ts'
import { submitOnce } from './submit-once.ts'

/**
 * Takes a message of an input queue. The message is admitted, or becomes a dead letter with the answer that it would
 * have got by HTTP (I10). Both are final, so a redelivery gives the same result. Returns the accepted request or the
 * refusal. If it rejects with `Unavailable`, the message must be redelivered.
 */
export async function takeInput(ports: IntakePorts, input: Input): Promise<Accepted | { readonly refusal: Refusal }> {
  const order = parse(input)
  const taken =
    'refusal' in order ? order : await submitOnce(ports, { key: keyOf(input), order, given_up: input.given_up })
  if ('refusal' in taken) await report(ports, input, taken.refusal)
  return taken
}

/** Makes the unique name of a message. Message ids are unique in a queue. */
const keyOf = ({ queue, message_id }: Input): string => `${queue}/${message_id}`

/**
 * Parses a message. A message that can't be parsed is refused in the same way at each delivery, so its refusal needs no
 * record.
 */
function parse({ text }: Input): Order | { readonly refusal: Refusal } {
  try {
    return parseInput(text)
  } catch (error) {
    if (error instanceof RequestError) return { refusal: keptRefusal(error) }
    throw error
  }
}

async function report({ payloads, queue, clock }: IntakePorts, input: Input, refusal: Refusal): Promise<void> {
  const { queue: name, message_id, text } = input
  const body = await checkIn(payloads, refusedInputKey(name, message_id), text)
  const event: RefusedEvent = {
    v: 1,
    type: 'refused',
    input: { queue: name, message_id, body, refusal },
    at: clock(),
  }
  await queue.send(RESULTS_QUEUE, { body: event, group: name })
}
