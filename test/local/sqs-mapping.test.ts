import { GetQueueAttributesCommand, SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { LocalSystem } from '../../lib/local/system.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { lambda, newRecords, type Records, startSmall } from './fixtures/template.ts'

const Entry = z.object({
  counts: z.array(z.string()),
  bodies: z.array(z.string()).default([]),
  event: z.object({ Records: z.array(z.record(z.string(), z.unknown())) }).default({ Records: [] }),
})
type Entry = z.infer<typeof Entry>

const records: Record<string, Records> = {}
let system: LocalSystem
let sqs: SQSClient

/** A queue, a function that records its events, and an event source mapping from the queue to the function. */
function consumer(name: string, options: { queue?: object; mapping?: object; lambda?: object; handler?: string } = {}) {
  const made = newRecords()
  records[name] = made
  return {
    [`${name}Queue`]: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 1, ...options.queue } },
    [`${name}Function`]: lambda(options.handler ?? 'queue', options.lambda, made.file),
    [`${name}Mapping`]: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': [`${name}Queue`, 'Arn'] },
        FunctionName: { Ref: `${name}Function` },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ...options.mapping,
      },
    },
  }
}

beforeAll(async () => {
  const deadLetters = { deadLetterTargetArn: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] }, maxReceiveCount: 2 }
  system = await startSmall({
    Resources: {
      ...consumer('Plain'),
      ...consumer('Window', {
        queue: { VisibilityTimeout: 30 },
        mapping: { BatchSize: 20, MaximumBatchingWindowInSeconds: 3 },
      }),
      // The batch window is longer than a test may take. So a test passes only if a full batch is delivered before the end of the window.
      ...consumer('LongWindow', {
        queue: { VisibilityTimeout: 300 },
        mapping: { BatchSize: 20, MaximumBatchingWindowInSeconds: 300 },
      }),
      ...consumer('Slow', {
        handler: 'sleep',
        lambda: { Timeout: 1 },
        mapping: { ScalingConfig: { MaximumConcurrency: 2 } },
      }),
      ...consumer('Hopeless', { handler: 'fail', queue: { RedrivePolicy: deadLetters } }),
      ...consumer('Large', { queue: { VisibilityTimeout: 30 } }),
      DeadLetters: { Type: 'AWS::SQS::Queue' },
    },
  })
  sqs = new SQSClient({
    endpoint: system.endpoints.sqs,
    region: 'us-east-1',
    credentials: credentialsOf(system.accessKeyId),
  })
}, 30_000)

afterAll(async () => {
  sqs.destroy()
  await system.close()
})

const queueUrl = (name: string) => `${system.endpoints.sqs}/000000000000/Small-${name}`

async function send(name: string, ...bodies: string[]): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }))
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl(`${name}Queue`), Entries }))
}

async function messagesIn(queue: string): Promise<number> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl(queue), AttributeNames: ['All'] })
  const { Attributes = {} } = await sqs.send(command)
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
}

function recorded(name: string): Entry[] {
  return z.array(Entry).parse(records[name]?.read() ?? [])
}

async function entries(name: string, count: number): Promise<Entry[]> {
  return z.array(Entry).parse((await records[name]?.until(count)) ?? [])
}

describe('a message of an event source mapping', { timeout: 20_000 }, () => {
  test('reaches the function as an SQS record, and is deleted', async () => {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl('PlainQueue'),
        MessageBody: 'hello',
        MessageAttributes: { traceparent: { DataType: 'String', StringValue: '00-1-2-01' } },
      }),
    )

    const [entry] = await entries('Plain', 1)
    expect(entry?.event.Records).toEqual([
      {
        messageId: expect.any(String),
        receiptHandle: expect.any(String),
        body: 'hello',
        attributes: expect.objectContaining({
          ApproximateReceiveCount: '1',
          SentTimestamp: expect.stringMatching(/^\d+$/),
        }),
        messageAttributes: {
          traceparent: { dataType: 'String', stringValue: '00-1-2-01', stringListValues: [], binaryListValues: [] },
        },
        md5OfBody: '5d41402abc4b2a76b9719d911017c592',
        md5OfMessageAttributes: expect.any(String),
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:Small-PlainQueue',
        awsRegion: 'us-east-1',
      },
    ])
    await expect.poll(() => messagesIn('PlainQueue')).toBe(0)
  })

  test('a message that its function reports as failed is redelivered after its visibility timeout, without the other messages of its batch', async () => {
    const before = recorded('Plain').length

    await send('Plain', 'good', 'fail')

    const received = (await entries('Plain', before + 2)).slice(before)
    const again = received.find(entry => entry.counts.includes('2'))
    expect(again?.bodies).toEqual(['fail'])
    await expect.poll(() => messagesIn('PlainQueue')).toBe(0)
  })

  test('all messages of an event are redelivered if the function throws', async () => {
    const before = recorded('Plain').length

    await send('Plain', 'throw')

    const received = (await entries('Plain', before + 2)).slice(before)
    expect(received.map(entry => [entry.bodies, entry.counts])).toEqual([
      [['throw'], ['1']],
      [['throw'], ['2']],
    ])
  })

  test('a message that is received too often is moved to the dead-letter queue', async () => {
    await send('Hopeless', 'x')

    await expect.poll(() => messagesIn('DeadLetters'), { timeout: 10_000 }).toBe(1)
    expect((await entries('Hopeless', 2)).map(entry => entry.counts)).toEqual([['1'], ['2']])
  })
})

describe('a batch of an event source mapping', { timeout: 20_000 }, () => {
  test('has all messages that are sent within its batch window', async () => {
    await send('Window', 'a', 'b')
    await send('Window', 'c')

    const [entry] = await entries('Window', 1)
    expect(entry?.bodies.toSorted()).toEqual(['a', 'b', 'c'])
  })

  test('is delivered before the end of its batch window if it is full', async () => {
    for (let batch = 0; batch < 2; batch++)
      await send('LongWindow', ...Array.from({ length: 10 }, (_, index) => `${index}`))

    const [entry] = await entries('LongWindow', 1)
    expect(entry?.bodies).toHaveLength(20)
  })

  test('a batch that is too large for one event is delivered as several events', async () => {
    for (let message = 0; message < 7; message++) await send('Large', 'x'.repeat(1_000_000))

    await expect.poll(() => recorded('Large').flatMap(entry => entry.bodies).length, { timeout: 10_000 }).toBe(7)
    expect(recorded('Large').every(entry => entry.bodies.length <= 6)).toBe(true)
    await expect.poll(() => messagesIn('LargeQueue')).toBe(0)
  })
})

describe('a function with an event source mapping', { timeout: 20_000 }, () => {
  test('loses its thread if it exceeds its timeout, and its message is redelivered', async () => {
    await send('Slow', 'forever')

    const received = await entries('Slow', 2)
    expect(received[1]?.counts).toEqual(['2'])
  })
})
