import type { RabbitMqEnv } from '../../platform/queue-env-rabbitmq.ts'
import { type Tracer, untraced } from '../../platform/tracing/port.ts'
import { tracedQueue } from '../traced-queue.ts'
import { rabbitMqCountMessages } from './admin.ts'
import { rabbitMqAnnouncer } from './announce.ts'
import { brokerConnection } from './connection.ts'
import { brokerCredentials } from './credentials.ts'
import { chooseByUser } from './parts.ts'
import { rabbitMqQueue } from './queue.ts'
import { rabbitMqReceiver } from './receiver.ts'

/** Makes the connection of a function to its broker. */
export const composeConnection = ({ BROKER_URL, BROKER_SECRET_ARN }: RabbitMqEnv) =>
  brokerConnection({ url: BROKER_URL, credentials: brokerCredentials(BROKER_SECRET_ARN) })

/** Makes the queues of a deployment with `backend: rabbitmq`. The bundler takes this file in place of ../compose.ts. */
export function composeQueue(env: RabbitMqEnv, _clients: unknown, tracing: Tracer = untraced) {
  const connection = composeConnection(env)
  const { publish } = connection
  return {
    ...tracedQueue(rabbitMqQueue(env.QUEUE_NAME_PREFIX, publish, chooseByUser(env.QUEUE_CONSUMERS)), tracing),
    ...rabbitMqReceiver(env.QUEUE_NAME_PREFIX, publish),
    announce: rabbitMqAnnouncer(publish),
    countMessages: rabbitMqCountMessages(connection),
  }
}
export type ComposedQueue = ReturnType<typeof composeQueue>
