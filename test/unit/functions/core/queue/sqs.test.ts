import {
  ChangeMessageVisibilityBatchCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { beforeEach, describe, expect, it } from 'vitest'
import { Defect } from '../../../../../functions/core/platform/unavailable.ts'
import { sqsQueue, sqsReceiver, sqsRedelivery } from '../../../../../functions/core/queue/sqs.ts'
import { aDelivery } from '../../../../support/deliveries.ts'
import { networkError } from '../../../../support/faults.ts'
import { anSqsEvent } from '../../../../support/lambda.ts'
import { mockClient } from '../../../../support/mock-client.ts'

const client = new SQSClient({ region: 'us-east-1' })
const sqs = mockClient(client)
beforeEach(() => {
  sqs.reset()
  sqs.on(SendMessageCommand).resolves({}).on(SendMessageBatchCommand).resolves({ Successful: [], Failed: [] })
})

const newQueue = () => sqsQueue(client, 'https://sqs/1/stack-')
const send = (queue: ReturnType<typeof newQueue>, i: number) => queue.send('results', { body: { i }, group: 'u42' })
const batches = () => sqs.commandCalls(SendMessageBatchCommand).map(call => call.args[0].input.Entries ?? [])
const failure = (Id: string, SenderFault: boolean) => ({ Id, SenderFault, Code: 'X', Message: `entry ${Id}` })

describe('sqsQueue', () => {
  it('sends a single message at once with SendMessage', async () => {
    await newQueue().send('results', { body: { é: 1 }, group: 'u42', delay_seconds: 7 })

    expect(sqs.commandCalls(SendMessageCommand).map(call => call.args[0].input)).toEqual([
      { QueueUrl: 'https://sqs/1/stack-results', MessageBody: '{"\\u00e9":1}', MessageGroupId: 'u42', DelaySeconds: 7 },
    ])
  })

  it('sends messages of the same turn of the event loop in batches of ten', async () => {
    const queue = newQueue()

    await Promise.all(Array.from({ length: 25 }, (_, i) => send(queue, i)))

    expect(batches().map(batch => batch.length)).toEqual([10, 10, 5])
    expect(sqs.commandCalls(SendMessageCommand)).toHaveLength(0)
  })

  it('keeps a batch below 1 MiB, the limit of SQS', async () => {
    const queue = newQueue()
    const large = { body: 'x'.repeat(400_000), group: 'u42' }

    await Promise.all(Array.from({ length: 5 }, () => queue.send('results', large)))

    expect(batches().map(batch => batch.length)).toEqual([2, 2])
    expect(sqs.commandCalls(SendMessageCommand)).toHaveLength(1)
  })

  it('keeps a batch below 1 MiB including the attributes of its messages, and sends the attributes as texts', async () => {
    const queue = newQueue()
    const attributes = { traceparent: 'x'.repeat(100) }
    // Without their attributes, the two messages (with the quotes of their bodies) would fit: they have 20 bytes less than 1 MiB.
    const large = { body: 'x'.repeat(524_288 - 12), group: 'u42', attributes }

    await Promise.all([queue.send('results', large), queue.send('results', large)])

    expect(sqs.commandCalls(SendMessageCommand).map(call => call.args[0].input.MessageAttributes)).toEqual([
      { traceparent: { DataType: 'String', StringValue: attributes.traceparent } },
      { traceparent: { DataType: 'String', StringValue: attributes.traceparent } },
    ])
  })

  it('fails only the message that SQS refuses as wrong, and does not send this message a second time', async () => {
    const queue = newQueue()
    sqs.on(SendMessageBatchCommand).resolves({ Successful: [], Failed: [failure('1', true)] })

    const sent = await Promise.allSettled([send(queue, 0), send(queue, 1), send(queue, 2)])

    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(sent[1]).toMatchObject({ reason: expect.any(Defect) })
    expect(batches()).toHaveLength(1)
  })

  it('sends only those messages of a batch again that failed because of an error within SQS', async () => {
    const queue = newQueue()
    sqs
      .on(SendMessageBatchCommand)
      .resolvesOnce({ Successful: [], Failed: [failure('1', false)] })
      .resolves({ Successful: [], Failed: [] })

    await Promise.all([send(queue, 0), send(queue, 1), send(queue, 2)])

    expect(batches().map(batch => batch.map(({ MessageBody }) => MessageBody))).toEqual([
      ['{"i":0}', '{"i":1}', '{"i":2}'],
      ['{"i":1}'],
    ])
  })

  it('a message that SQS has failed three times is not sent a fourth time, and its sender gets an error', async () => {
    const queue = newQueue()
    sqs.on(SendMessageBatchCommand).callsFake(({ Entries }) => ({
      Failed: Entries.filter(({ MessageBody }: { MessageBody: string }) => MessageBody === '{"i":1}').map(
        ({ Id }: { Id: string }) => failure(Id, false),
      ),
    }))

    const sent = await Promise.allSettled([send(queue, 0), send(queue, 1)])

    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(batches()).toHaveLength(3)
  })

  it('fails every message of a batch whose call failed, and sends the next batch', async () => {
    const queue = newQueue()
    sqs.on(SendMessageBatchCommand).rejectsOnce(networkError('no connection')).resolves({ Successful: [], Failed: [] })

    const sent = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => send(queue, i)))

    expect(sent.filter(({ status }) => status === 'rejected')).toHaveLength(10)
    await expect(send(queue, 12)).resolves.toBeUndefined()
  })

  it('sends to other queues while a call to one queue gets no answer', async () => {
    const queue = newQueue()
    const hanging = new Promise<never>(() => undefined)
    sqs.on(SendMessageCommand, { QueueUrl: 'https://sqs/1/stack-inference-text-normal' }).callsFake(() => hanging)

    void queue.send('inference-text-normal', { body: 1, group: 'u42' })

    await expect(send(queue, 1)).resolves.toBeUndefined()
  })

  it('puts messages that are added during a send into the next batch', async () => {
    const queue = newQueue()
    const first = Promise.withResolvers<object>()
    sqs.on(SendMessageCommand).callsFakeOnce(() => first.promise)

    const alone = send(queue, 0)
    await Promise.resolve()
    await Promise.resolve()
    const others = [send(queue, 1), send(queue, 2)]
    first.resolve({})
    await Promise.all([alone, ...others])

    expect(batches().map(batch => batch.map(({ MessageBody }) => MessageBody))).toEqual([['{"i":1}', '{"i":2}']])
  })
})

describe('sqsReceiver', () => {
  it('reads a delivery from each record of an event', () => {
    expect(sqsReceiver.deliveries(anSqsEvent(['a', { b: 1 }], 'stack-results-dlq'))).toEqual([
      {
        id: 'message-0',
        queue: 'stack-results-dlq',
        body: 'a',
        attributes: {},
        receive_count: 1,
        receipt: 'receipt-0',
      },
      {
        id: 'message-1',
        queue: 'stack-results-dlq',
        body: '{"b":1}',
        attributes: {},
        receive_count: 1,
        receipt: 'receipt-1',
      },
    ])
  })

  it('reads how often a message was received, and those attributes of the message that are texts', () => {
    const [record] = anSqsEvent(['a']).Records
    if (!record) throw new Error('no record')
    const attributes = { ...record.attributes, ApproximateReceiveCount: '3' }
    const messageAttributes = {
      traceparent: { stringValue: '00-1-2-01', dataType: 'String' },
      blob: { binaryValue: 'AA==', dataType: 'Binary' },
    }

    expect(sqsReceiver.deliveries({ Records: [{ ...record, attributes, messageAttributes }] })).toMatchObject([
      { receive_count: 3, attributes: { traceparent: '00-1-2-01' } },
    ])
  })

  it('answers with the ids of the messages that SQS must redeliver, and with no id if all messages are done', () => {
    const event = anSqsEvent(['a', 'b'])
    const failed = sqsReceiver.deliveries(event).slice(1)

    expect(sqsReceiver.response({ redeliver: failed }, event)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-1' }],
    })
    expect(sqsReceiver.response({ redeliver: [] }, event)).toEqual({ batchItemFailures: [] })
  })
})

describe('sqsRedelivery', () => {
  const returned = (i: number, queue: string) => ({
    delivery: aDelivery('x', i, { queue, receipt: `r${i}` }),
    seconds: 10,
  })

  it('changes the visibility timeout of messages that will be redelivered, ten messages per call, in the queue of each message', async () => {
    sqs.on(ChangeMessageVisibilityBatchCommand).resolves({})
    const many = Array.from({ length: 11 }, (_, i) => returned(i, 'stack-results'))

    await sqsRedelivery(client, 'https://sqs/1/stack-').redeliverAfter([...many, returned(11, 'stack-inference-dlq')])

    const inputs = sqs.commandCalls(ChangeMessageVisibilityBatchCommand).map(call => call.args[0].input)
    expect(inputs.map(({ QueueUrl, Entries = [] }) => [QueueUrl, Entries.length])).toEqual([
      ['https://sqs/1/stack-results', 10],
      ['https://sqs/1/stack-results', 1],
      ['https://sqs/1/stack-inference-dlq', 1],
    ])
    expect(inputs[1]?.Entries).toEqual([{ Id: '0', ReceiptHandle: 'r10', VisibilityTimeout: 10 }])
  })

  it('does not fail if the visibility timeout of a message can’t be changed: the message keeps the timeout of its queue', async () => {
    sqs.on(ChangeMessageVisibilityBatchCommand).rejects(networkError())

    await sqsRedelivery(client, 'https://sqs/1/stack-').redeliverAfter([returned(0, 'stack-results')])

    expect(sqs.commandCalls(ChangeMessageVisibilityBatchCommand).length).toBeGreaterThan(0)
  })
})
