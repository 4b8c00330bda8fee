import { type Operation, Performed } from '../../functions/broker/operation.ts'
import { GIVES_WAY_ABOVE } from '../../functions/core/domain/gives-way.ts'
import { Unavailable } from '../../functions/core/platform/unavailable.ts'
import {
  type CountWaiting,
  type MessagesLeft,
  type QueueExists,
  type SendInput,
  sqsCountWaiting,
  sqsMessagesLeft,
  sqsQueueExists,
  sqsSendInput,
} from '../../functions/core/queue/admin.ts'
import { composeQueue } from '../../functions/core/queue/compose.ts'
import type { MessageQueue } from '../../functions/core/queue/port.ts'
import { invokeFunction } from './invoke-function.ts'
import { Refusal } from './refusal.ts'
import type { Target } from './target.ts'

/** An operator's operations on queues. All reject with `Unavailable`. */
export interface OperatorsQueues {
  readonly queue: MessageQueue
  readonly queueExists: QueueExists
  readonly sendInput: SendInput
  readonly countWaiting: CountWaiting
  readonly messagesLeft: MessagesLeft
  /**
   * Finds the queues that are missing on the broker. Absent with SQS.
   * Rejects with `Unavailable` if the service can't be reached.
   */
  missingQueues?(): Promise<readonly string[]>
  /**
   * If a user has more open requests than this number, redriven requests of this user wait until requests of other users
   * have been taken. Absent if the queue itself serves users fairly.
   */
  readonly givesWayAbove?: number
}

/** Returns the queues of a system with any backend. */
export function queuesOf(
  target: Pick<Target, 'sqs' | 'lambdaOnce'> & {
    readonly outputs: Pick<Target['outputs'], 'QueueUrlPrefix' | 'BrokerFunction'>
  },
): OperatorsQueues {
  const { QueueUrlPrefix: prefix, BrokerFunction } = target.outputs
  if (BrokerFunction !== undefined) return queuesOfBroker(target, BrokerFunction)
  if (prefix === undefined) throw new Refusal('the system does not say where its queues are: deploy or start it again')
  return {
    queue: composeQueue({ QUEUE_URL_PREFIX: prefix }, target),
    queueExists: sqsQueueExists(target.sqs, prefix),
    sendInput: sqsSendInput(target.sqs, prefix),
    countWaiting: sqsCountWaiting(target.sqs, prefix),
    messagesLeft: sqsMessagesLeft(target.sqs, prefix),
  }
}

/**
 * Returns the queues of a system with a broker. The broker is private, and only functions can reach it. So a function
 * performs each operation on a queue. The operator therefore needs no password of the broker.
 */
function queuesOfBroker({ lambdaOnce }: Pick<Target, 'lambdaOnce'>, functionName: string): OperatorsQueues {
  const perform = async (operation: Operation): Promise<Performed> => {
    const answer = Performed.parse(await invokeFunction(lambdaOnce, functionName, operation, 'function of the broker'))
    if ('unavailable' in answer) throw new Unavailable('the queue', new Error(answer.unavailable))
    return answer
  }
  return {
    givesWayAbove: GIVES_WAY_ABOVE,
    queue: {
      send: async (queue, { body, group, gives_way, attributes }) => {
        const more = { ...(gives_way && { gives_way }), ...(attributes && { attributes: { ...attributes } }) }
        await perform({ operation: 'send', queue, body, group, ...more })
      },
    },
    queueExists: async queue => {
      const answer = await perform({ operation: 'exists', queue })
      return 'exists' in answer && answer.exists
    },
    sendInput: async (queue, text) => {
      const answer = await perform({ operation: 'send input', queue, text })
      return 'sent' in answer && answer.sent
    },
    countWaiting: async queue => {
      const answer = await perform({ operation: 'count', queue })
      return 'count' in answer ? answer.count : 0
    },
    missingQueues: async () => {
      const answer = await perform({ operation: 'find missing' })
      return 'missing' in answer ? answer.missing : []
    },
    messagesLeft: async inputs => {
      const answer = await perform({ operation: 'count left', inputs: [...inputs] })
      return 'messages' in answer ? answer.messages : {}
    },
  }
}
