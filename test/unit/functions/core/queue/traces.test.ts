import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import type { OutgoingMessage, QueueBackend } from '../../../../../functions/core/queue/port.ts'
import { chooseByUser } from '../../../../../functions/core/queue/rabbitmq/parts.ts'
import { rabbitMqQueue } from '../../../../../functions/core/queue/rabbitmq/queue.ts'
import { sqsQueue } from '../../../../../functions/core/queue/sqs.ts'
import { startDeliverySpan } from '../../../../../functions/core/queue/trace-delivery.ts'
import { tracedQueue } from '../../../../../functions/core/queue/traced-queue.ts'
import { aDelivery } from '../../../../support/deliveries.ts'
import { mockClient } from '../../../../support/mock-client.ts'
import { recordedTracing } from '../../../../support/recorded-tracing.ts'

interface Way {
  readonly queue: QueueBackend
  /** The whole names of the queues to which messages were sent. */
  readonly gotBy: () => unknown[]
}

function onSqs(): Way {
  const client = new SQSClient({ region: 'us-east-1' })
  const sqs = mockClient(client)
  sqs.on(SendMessageCommand).resolves({})
  const urls = () => sqs.commandCalls(SendMessageCommand).map(call => call.args[0].input.QueueUrl)
  return {
    queue: sqsQueue(client, 'https://sqs/1/stack-'),
    gotBy: () => urls().map(url => url?.replace('https://sqs/1/', '')),
  }
}

function onRabbitMq(): Way {
  const keys: string[] = []
  const publish = async ({ key }: { key: string }) => void keys.push(key)
  return { queue: rabbitMqQueue('stack-', publish, chooseByUser(3)), gotBy: () => keys }
}

/** Sends a message, takes it from its queue, and returns the spans of both, oldest first. */
async function spansOf({ queue, gotBy }: Way, name: string, more: Partial<OutgoingMessage> = {}) {
  const { tracing, spans } = recordedTracing()
  let attributes: OutgoingMessage['attributes']
  const noting: QueueBackend = {
    ...queue,
    send: (to, message) => {
      attributes = message.attributes
      return queue.send(to, message)
    },
  }
  await tracedQueue(noting, tracing).send(name, { body: {}, group: 'u42', ...more })
  const [queueName] = gotBy()
  const delivery = aDelivery({}, 0, { queue: String(queueName), attributes: { ...attributes } })
  startDeliverySpan({ tracing, queue }, delivery).end()
  return { queueName, spans: await spans() }
}

describe.each([
  ['aws_sqs', onSqs],
  ['rabbitmq', onRabbitMq],
])('the spans of a message on %s', (system, way) => {
  it.each(['inference-text-normal', 'results'])(
    'all have the system and the whole name of the queue %s',
    async name => {
      const { queueName, spans } = await spansOf(way(), name)

      expect(queueName).toMatch(new RegExp(`^stack-${name}`))
      expect(spans.map(span => [span.name, span.attributes])).toEqual(
        [`send ${queueName}`, 'queue wait', `process ${queueName}`].map(title => [
          title,
          expect.objectContaining({ 'messaging.system': system, 'messaging.destination.name': queueName }),
        ]),
      )
    },
  )
})

describe('the span of a send on RabbitMQ', () => {
  it('has the name of the bulk queue if the message gives way', async () => {
    const { queueName, spans } = await spansOf(onRabbitMq(), 'inference-text-normal', { gives_way: true })

    expect(queueName).toMatch(/-bulk$/)
    expect(spans[0]?.name).toBe(`send ${queueName}`)
  })
})
