import type { RabbitMqEnv } from '../../platform/queue-env-rabbitmq.ts'
import { rabbitMqAnnouncer } from './announce.ts'
import { brokerConnection } from './connection.ts'
import { brokerCredentials } from './credentials.ts'
import { rabbitMqQueue } from './queue.ts'
import { rabbitMqReceiver } from './receiver.ts'

/** The connection of a function to its broker. */
export const composeConnection = ({ BROKER_URL, BROKER_SECRET_ARN }: RabbitMqEnv) =>
  brokerConnection({ url: BROKER_URL, credentials: brokerCredentials(BROKER_SECRET_ARN) })

/** The queues of a deployment with `backend: rabbitmq`. The bundler takes this file in place of ../compose.ts. */
export function composeQueue(env: RabbitMqEnv) {
  const { publish } = composeConnection(env)
  return {
    ...rabbitMqQueue(env.QUEUE_NAME_PREFIX, publish),
    ...rabbitMqReceiver(env.QUEUE_NAME_PREFIX, publish),
    announce: rabbitMqAnnouncer(publish),
  }
}
export type ComposedQueue = ReturnType<typeof composeQueue>
