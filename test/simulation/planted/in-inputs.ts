import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import type { PlantedBug } from '../compose.ts'
import { rewritten, writeOf } from './commands.ts'

/** Planted bugs in the handling of messages of input queues. */
export const IN_INPUTS: readonly PlantedBug[] = [
  {
    name: "the refusal of an input's message is not remembered",
    ports: ports => ({
      ...ports,
      inputs: { ...ports.inputs, refuse: async (_user, _message, _id, refusal) => ({ refusal }) },
    }),
  },
  {
    name: "the admission of an input's message is not remembered",
    seenAt: 274,
    ports: ports => ({
      ...ports,
      inputs: {
        ...ports.inputs,
        admit: async (_user, _message, requestId) => ({ request_id: requestId, admitted: true }),
      },
    }),
  },
  {
    name: "an input's message gets another name at each delivery",
    ports: (ports, by) => ({
      ...ports,
      inputs: {
        ...ports.inputs,
        bind: (user, message, ...rest) => ports.inputs.bind(user, `${message} by ${by.name}`, ...rest),
      },
    }),
  },
  {
    name: "an input's message is acknowledged before its dead letter is sent",
    ports: ports => ({
      ...ports,
      queue: {
        ...ports.queue,
        send: (queue, message) =>
          ports.queue.send(queue, message).catch(error => {
            const isRefused = (message.body as { type: string }).type === 'refused'
            if (!(isRefused && error instanceof Unavailable)) throw error
          }),
      },
    }),
  },
  { name: "an input's message is forgotten after a day", command: forgotten },
]

function forgotten(command: unknown): unknown {
  const input = writeOf(command)
  if (!input || !('Item' in input) || !input.Item?.request_id?.S?.startsWith('key#input#')) return command
  const expiresAt = { N: String(Number(input.Item.expires_at?.N) - 14 * 86_400_000) }
  return rewritten(command, { Item: { ...input.Item, expires_at: expiresAt } })
}
