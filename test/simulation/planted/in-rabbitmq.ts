import type { Publication } from '../../../functions/core/queue/rabbitmq/link.ts'
import type { PlantedBug } from '../compose.ts'
import { ignored } from './commands.ts'

/** Planted bugs in sending messages to RabbitMQ and receiving messages from it. */
export const IN_RABBITMQ: readonly PlantedBug[] = [
  {
    name: 'a message that must come again is not sent again before its batch is acknowledged',
    ports: ports => ({ ...ports, receiver: { ...ports.receiver, response: async () => undefined } }),
  },
  {
    name: 'a message counts as sent before the broker has confirmed it',
    ports: ports => ({
      ...ports,
      queue: {
        ...ports.queue,
        send: async (queue, message) => void ports.queue.send(queue, message).catch(ignored),
      },
    }),
  },
  {
    name: 'a message of a bulk queue counts as moved before the broker has confirmed it',
    ports: ports => ({
      ...ports,
      ...(ports.mover && {
        mover: {
          ...ports.mover,
          publish: async publication => void ports.mover?.publish(publication).catch(ignored),
        },
      }),
    }),
  },
  {
    name: 'a delayed message names a missing queue, and the broker may drop it',
    command: command => (isDelayed(command) ? { ...command, key: `${command.key}-gone`, mayBeDropped: true } : command),
  },
  {
    name: 'an end is settled although the broker has not confirmed its announcement',
    ports: ports => ({
      ...ports,
      queue: { ...ports.queue, announce: async ended => ports.queue.announce?.(ended).catch(ignored) },
    }),
  },
]

const isDelayed = (command: unknown): command is Publication =>
  typeof command === 'object' && command !== null && 'exchange' in command && /^delay-/.test(String(command.exchange))
