import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { expect, test } from 'vitest'
import { startEmulator } from '../../lib/local/emulators/host.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { temporaryFolder } from './fixtures/template.ts'

/** Twelve hours in seconds. So no message becomes visible again during a test because of its visibility timeout. */
const VISIBILITY_TIMEOUT = '43200'

async function startQueues(folder: string) {
  const module = new URL('../../lib/local/emulators/sqs-s3.ts', import.meta.url)
  const emulator = startEmulator(module, { accessKeyId: 'local', folder }, line => {
    throw new Error(line)
  })
  const endpoint = await emulator.endpoint
  const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials: credentialsOf('local') })
  const QueueUrl = `${endpoint}/000000000000/kept`
  return {
    create: () =>
      sqs.send(new CreateQueueCommand({ QueueName: 'kept', Attributes: { VisibilityTimeout: VISIBILITY_TIMEOUT } })),
    send: (body: string, DelaySeconds = 0) =>
      sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body, DelaySeconds, MessageGroupId: 'a' })),
    receive: async () => {
      const command = new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'],
      })
      const { Messages = [] } = await sqs.send(command)
      return Messages.map(({ Body, Attributes }) => [
        Body,
        Attributes?.ApproximateReceiveCount,
        Attributes?.MessageGroupId,
      ])
    },
    end: async () => {
      sqs.destroy()
      await emulator.close()
    },
  }
}

test('a message that an earlier run of the system has received and not deleted can be received at once, and each receive counts once', async () => {
  const folder = temporaryFolder()
  const first = await startQueues(folder)
  await first.create()
  await first.send('received')
  await first.send('delayed', 900)
  expect(await first.receive()).toEqual([['received', '1', 'a']])
  await first.send('waiting')
  await first.end()

  const second = await startQueues(folder)
  expect(await second.receive()).toEqual([
    ['received', '2', 'a'],
    ['waiting', '1', 'a'],
  ])
  expect(await second.receive()).toEqual([])
  await second.end()

  // A run that receives nothing does not change this: the next run still receives both messages at once.
  await (await startQueues(folder)).end()
  const last = await startQueues(folder)
  expect((await last.receive()).toSorted()).toEqual([
    ['received', '3', 'a'],
    ['waiting', '2', 'a'],
  ])
  await last.end()
})

test('the queues start in a data folder whose first start was killed before it had made the queues’ tables', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'fauxqs.db'), '')

  const queues = await startQueues(folder)
  await queues.create()
  await queues.send('a')

  expect(await queues.receive()).toEqual([['a', '1', 'a']])
  await queues.end()
})
