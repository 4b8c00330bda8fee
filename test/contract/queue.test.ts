import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { sqsQueue } from '../../functions/core/queue/sqs.ts'
import { startSqsAndS3 } from '../support/emulators.ts'
import { describeQueueContract } from './queue.ts'

describeQueueContract('fauxqs', async () => {
  const { sqs, close } = await startSqsAndS3()
  const { QueueUrl: first = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'stack-first' }))
  const prefix = first.slice(0, -'first'.length)
  let queues = 0

  return {
    queue: sqsQueue(sqs, prefix),
    createQueue: async () => {
      const name = `queue-${queues++}`
      await sqs.send(new CreateQueueCommand({ QueueName: `stack-${name}` }))
      return name
    },
    receive: async (queue, count) => (await receive(sqs, prefix + queue, count)).map(({ body }) => body),
    receiveWithAttributes: (queue, count) => receive(sqs, prefix + queue, count),
    waiting: async queue => {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: prefix + queue, AttributeNames: ['All'] }),
      )
      return {
        visible: Number(Attributes?.ApproximateNumberOfMessages),
        delayed: Number(Attributes?.ApproximateNumberOfMessagesDelayed),
      }
    },
    close,
  }
})

async function receive(sqs: SQSClient, QueueUrl: string, count: number) {
  const received: { body: unknown; attributes: Record<string, string> }[] = []
  while (received.length < count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 5,
        MessageAttributeNames: ['All'],
      }),
    )
    if (Messages.length === 0) throw new Error(`${received.length} messages of ${count} arrived`)
    for (const { Body = '', MessageAttributes = {}, ReceiptHandle } of Messages) {
      const texts = Object.entries(MessageAttributes).map(([name, { StringValue = '' }]) => [name, StringValue])
      received.push({ body: JSON.parse(Body), attributes: Object.fromEntries(texts) })
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    }
  }
  return received
}
