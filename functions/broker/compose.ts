import { systemClock, systemSleep } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { rabbitMqAdmin, rabbitMqCountMessages, rabbitMqMissingQueues } from '../core/queue/rabbitmq/admin.ts'
import { composeConnection } from '../core/queue/rabbitmq/compose.ts'
import { delayNames } from '../core/queue/rabbitmq/delays.ts'
import { moveBulk } from '../core/queue/rabbitmq/move-bulk.ts'
import { chooseByUser } from '../core/queue/rabbitmq/parts.ts'
import { rabbitMqQueue } from '../core/queue/rabbitmq/queue.ts'
import { rabbitMqReturnResults } from '../core/queue/rabbitmq/return-results.ts'
import { declareTopology } from '../core/queue/rabbitmq/topology.ts'
import type { Env } from './env.ts'
import { expectedQueues } from './expected-queues.ts'
import type { BrokerPorts } from './ports.ts'
import type { Settings } from './settings.ts'

export function compose(env: Env, settings: Settings): BrokerPorts & Telemetry {
  const connection = composeConnection(env)
  const time = { clock: systemClock, sleep: systemSleep }
  const mover = {
    publish: connection.publish,
    countMessages: rabbitMqCountMessages(connection),
    longestCall: (queue: string) => settings.longest_call_ms[queue] ?? 0,
    ...time,
  }
  const prefix = env.QUEUE_NAME_PREFIX
  const missingQueues = rabbitMqMissingQueues(connection)
  return {
    declare: async topology => declareTopology(await connection.link(), { prefix, ...topology }),
    queue: rabbitMqQueue(prefix, connection.publish, chooseByUser(env.QUEUE_CONSUMERS)),
    ...rabbitMqAdmin(prefix, connection, env.QUEUE_CONSUMERS),
    missingQueues: () => missingQueues([...expectedQueues(prefix, settings), ...delayNames(prefix)]),
    returnResults: rabbitMqReturnResults(prefix, connection, systemClock),
    moveBulk: (event, giveUpAt) => moveBulk(mover, event, giveUpAt),
    ...time,
    ...telemetry(env),
  }
}
