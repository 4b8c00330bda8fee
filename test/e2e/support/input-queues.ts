import { randomUUID } from 'node:crypto'
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { connect } from 'amqplib'
import { credentialsOf } from '../../../lib/local/trust/access-key.ts'
import { messagesIn } from '../../support/rabbitmq.ts'
import type { LocalJson, RunningSystem } from './system.ts'

/**
 * A client of a system's input queues. Tests use it in the role of another team's program, which sends requests to these
 * queues. Such a program knows only the names of the queues.
 */
export interface InputQueues {
  /** Sends a message. Resolves to the id of the message when the queue has stored the message. */
  send(queue: string, body: string): Promise<string>
  /** Resolves to the number of messages in a queue. This includes the messages that a function has received and not yet acknowledged. */
  count(queue: string): Promise<number>
  close(): Promise<void>
}

/** Connects to the input queues of a system. A system with an `amqpUrl` has its queues on RabbitMQ, and any other system on SQS. */
export const inputQueues = ({ amqpUrl, localJson }: RunningSystem): Promise<InputQueues> =>
  amqpUrl === undefined ? onSqs(localJson) : onRabbitMq(amqpUrl)

async function onSqs({ accessKeyId, endpoints }: LocalJson): Promise<InputQueues> {
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region: 'us-east-1', credentials: credentialsOf(accessKeyId) })
  const urlOf = (queue: string) => `${endpoints.sqs}/000000000000/${queue}`
  return {
    send: async (queue, body) => {
      const { MessageId = '' } = await sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: body }))
      return MessageId
    },
    count: async queue => {
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: urlOf(queue),
          AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
        }),
      )
      return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0)
    },
    close: async () => sqs.destroy(),
  }
}

async function onRabbitMq(amqpUrl: string): Promise<InputQueues> {
  const connection = await connect(amqpUrl)
  const channel = await connection.createConfirmChannel()
  return {
    send: async (queue, body) => {
      const messageId = randomUUID()
      await channel.checkQueue(queue)
      channel.sendToQueue(queue, Buffer.from(body), { messageId, persistent: true })
      await channel.waitForConfirms()
      return messageId
    },
    count: async queue => {
      await channel.checkQueue(queue)
      const host = decodeURIComponent(new URL(amqpUrl).pathname.slice(1))
      return (await messagesIn(host))[queue] ?? 0
    },
    close: () => connection.close(),
  }
}
