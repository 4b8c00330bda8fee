import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmulator } from '../../lib/local/emulators/host.ts'
import { temporaryFolder } from './fixtures/template.ts'

async function startQueues(folder?: string) {
  const module = new URL('../../lib/local/emulators/sqs-s3.ts', import.meta.url)
  const emulator = startEmulator(module, { accessKeyId: 'local', ...(folder !== undefined && { folder }) }, line => {
    throw new Error(line)
  })
  const endpoint = await emulator.endpoint
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials })
  return {
    sqs,
    urlOf: (name: string) => `${endpoint}/000000000000/${name}`,
    close: async () => {
      sqs.destroy()
      await emulator.close()
    },
  }
}

let queues: Awaited<ReturnType<typeof startQueues>>

beforeAll(async () => {
  queues = await startQueues()
})

afterAll(() => queues.close())

/** Makes a queue with these attributes, and returns the operations on it. */
async function newQueue(name: string, Attributes: Record<string, string> = {}, { sqs, urlOf } = queues) {
  const QueueUrl = urlOf(name)
  await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))
  return openQueue(QueueUrl, sqs)
}

function openQueue(QueueUrl: string, sqs: SQSClient) {
  const attributes = async () =>
    (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes ?? {}
  return {
    attributes,
    send: (MessageBody: string, more: Partial<SendMessageCommandInput> = {}) =>
      sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more })),
    /** Sends `count` messages of a group, in batches as the gateway does. */
    async sendMany(group: string, count: number) {
      for (let sent = 0; sent < count; sent += 10) {
        const Entries = Array.from({ length: Math.min(10, count - sent) }, (_, i) => ({
          Id: String(i),
          MessageBody: `${group} ${sent + i}`,
          MessageGroupId: group,
        }))
        await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
      }
    },
    async receive(count: number, wait = 0): Promise<Message[]> {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: count,
        WaitTimeSeconds: wait,
        MessageSystemAttributeNames: ['All'],
      })
      return (await sqs.send(command)).Messages ?? []
    },
    purge: () => sqs.send(new PurgeQueueCommand({ QueueUrl })),
  }
}

const bodies = (messages: Message[]) => messages.map(({ Body }) => Body)

test('the only message of a group is received soon, even if another group has a thousand waiting messages', async () => {
  const queue = await newQueue('thousand')
  await queue.sendMany('noisy', 1000)
  await queue.receive(10)

  await queue.send('at last', { MessageGroupId: 'quiet' })

  const next = await queue.receive(3)
  expect(bodies(next)).toContain('at last')
  expect(next.map(({ Attributes }) => Attributes?.MessageGroupId).toSorted()).toEqual(['noisy', 'noisy', 'quiet'])
  expect(await queue.attributes()).toMatchObject({
    ApproximateNumberOfMessages: '988',
    ApproximateNumberOfMessagesNotVisible: '13',
  })
})

test('groups with many messages are received in turn', async () => {
  const queue = await newQueue('shared')
  for (const group of ['a', 'b', 'c']) await queue.sendMany(group, 50)
  expect(bodies(await queue.receive(6))).toEqual(['a 0', 'b 0', 'c 0', 'a 1', 'b 1', 'c 1'])
})

test('messages without a group are received in the order in which they were sent', async () => {
  const queue = await newQueue('ungrouped')
  for (const body of ['1', '2', '3']) await queue.send(body)
  const received = await queue.receive(10)
  expect(bodies(received)).toEqual(['1', '2', '3'])
  expect(received[0]?.Attributes).not.toHaveProperty('MessageGroupId')
})

test('the attributes of a message with a group are received unchanged', async () => {
  const queue = await newQueue('attributes')
  const traceparent = { DataType: 'String', StringValue: '00-1-2-01' }
  const sent = await queue.send('traced', { MessageGroupId: 'a', MessageAttributes: { traceparent } })
  await queue.send('not traced', { MessageGroupId: 'a' })

  const [traced, untraced] = await queue.receive(10)

  expect(sent.MD5OfMessageAttributes).toBeDefined()
  expect(traced).toMatchObject({ MD5OfMessageAttributes: sent.MD5OfMessageAttributes })
  expect(untraced).not.toHaveProperty('MD5OfMessageAttributes')
})

test('a delayed message of a group with few messages is not received during its delay, and is received soon after it', async () => {
  const queue = await newQueue('delayed')
  await queue.sendMany('noisy', 100)
  await queue.send('later', { MessageGroupId: 'quiet', DelaySeconds: 1 })

  expect(bodies(await queue.receive(10))).not.toContain('later')

  await expect.poll(async () => bodies(await queue.receive(2)), { timeout: 5000, interval: 100 }).toContain('later')
})

test('a message keeps its group when it is redelivered, and when it is moved to the dead-letter queue', async () => {
  const dead = await newQueue('dead')
  const { QueueArn = '' } = await dead.attributes()
  const policy = JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount: 1 })
  const queue = await newQueue('fragile', { VisibilityTimeout: '1', RedrivePolicy: policy })
  await queue.send('crashes', { MessageGroupId: 'a' })
  expect(bodies(await queue.receive(1))).toEqual(['crashes'])

  // The queue allows one receive. So the second receive moves the message to the dead-letter queue.
  await expect
    .poll(async () => [...(await queue.receive(1)), ...(await dead.receive(1))], { timeout: 5000 })
    .toMatchObject([{ Body: 'crashes', Attributes: { MessageGroupId: 'a' } }])
  expect(await queue.attributes()).toMatchObject({ ApproximateNumberOfMessages: '0' })
})

test('a receive that waits for messages is answered as soon as a message is sent', async () => {
  const queue = await newQueue('awaited')
  const received = queue.receive(1, 20)
  await queue.send('here', { MessageGroupId: 'a' })
  expect(bodies(await received)).toEqual(['here'])
})

test('a purged queue is empty, and serves the groups of later messages in turn', async () => {
  const queue = await newQueue('purged')
  await queue.sendMany('noisy', 20)
  await queue.purge()
  expect(await queue.receive(10)).toEqual([])

  await queue.sendMany('noisy', 20)
  await queue.send('quiet', { MessageGroupId: 'quiet' })

  expect(bodies(await queue.receive(2))).toEqual(['noisy 0', 'quiet'])
})

test('messages keep their groups after a restart of the queues', async () => {
  const folder = temporaryFolder()
  const before = await startQueues(folder)
  const queue = await newQueue('kept', {}, before)
  await queue.sendMany('noisy', 50)
  await queue.send('quiet', { MessageGroupId: 'quiet' })
  await before.close()

  const after = await startQueues(folder)
  const received = await openQueue(after.urlOf('kept'), after.sqs).receive(2)
  await after.close()

  expect(bodies(received)).toContain('quiet')
})
