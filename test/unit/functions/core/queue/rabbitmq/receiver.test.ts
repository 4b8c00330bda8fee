import { describe, expect, it } from 'vitest'
import type { Publication } from '../../../../../../functions/core/queue/rabbitmq/link.ts'
import { rabbitMqReceiver } from '../../../../../../functions/core/queue/rabbitmq/receiver.ts'

const bytesOf = (text: string) => ({ bytes: [...Buffer.from(text)] })

const aMessage = (body: string, properties: Readonly<Record<string, unknown>> = {}) => ({
  basicProperties: { messageId: `id of ${body}`, headers: {}, contentType: 'application/json', ...properties },
  redelivered: false,
  data: Buffer.from(body).toString('base64'),
})

const anEvent = (...messages: readonly unknown[]) => ({
  eventSource: 'aws:rmq',
  eventSourceArn: 'arn:aws:mq:us-east-1:123456789012:broker:stack',
  rmqMessagesByQueue: { 'stack-results::/': messages },
})

function newReceiver() {
  const published: Publication[] = []
  const receiver = rabbitMqReceiver('stack-', async publication => {
    published.push(publication)
  })
  return { receiver, published }
}

describe('the receiver of RabbitMQ', () => {
  it('reads from each message of an event its text, id, queue, and headers as texts', () => {
    const headers = { traceparent: bytesOf('00-é'), number: 7, 'x-death': [{ queue: bytesOf('q') }] }

    const deliveries = newReceiver().receiver.deliveries(anEvent(aMessage('{"é":1}', { headers })))

    expect(deliveries).toEqual([
      {
        id: 'id of {"é":1}',
        queue: 'stack-results',
        body: '{"é":1}',
        attributes: { traceparent: '00-é', number: '7' },
        receive_count: 1,
      },
    ])
  })

  it('sends failed messages again with a delay and the same ids, and does not send the other messages', async () => {
    const { receiver, published } = newReceiver()
    const headers = { traceparent: bytesOf('00-1'), 'x-first-death-queue': bytesOf('stack-delay-0') }
    const event = anEvent(aMessage('a'), aMessage('b', { headers }))
    const deliveries = receiver.deliveries(event)

    await receiver.response({ redeliver: deliveries.slice(1) }, event)

    expect(published).toEqual([
      {
        exchange: 'stack-delay-7',
        key: '0.0.1.0.0.1.0.1.1.0.stack-results',
        content: Buffer.from('b'),
        options: {
          messageId: 'id of b',
          contentType: 'application/json',
          headers: { traceparent: '00-1', 'x-sluice-returns': 1 },
        },
      },
    ])
  })

  it('counts in a header how often a message was sent again, since each repetition is a new message for the broker', async () => {
    const { receiver, published } = newReceiver()
    const event = anEvent(aMessage('a', { headers: { 'x-sluice-returns': 4 } }))
    const deliveries = receiver.deliveries(event)

    await receiver.response({ redeliver: deliveries }, event)

    expect(deliveries).toMatchObject([{ receive_count: 5 }])
    expect(published).toMatchObject([{ options: { headers: { 'x-sluice-returns': 5 } } }])
  })

  it.each([
    ['stack-inference-text-normal', 'stack-inference-dlq', 'stack-delay-6'],
    ['stack-inference-text-high-3', 'stack-inference-dlq', 'stack-delay-6'],
    // The delay of an event in the results queue grows with each delivery. So 999 deliveries outlast an outage of the ledger of a day.
    ['stack-results', 'stack-results-dlq', 'stack-delay-7'],
    ['nightly', 'nightly-dlq', 'stack-delay-6'],
  ])('makes a message of %s a dead letter after 999 redeliveries, as SQS does', async (queue, deadLetters, delay) => {
    const { receiver, published } = newReceiver()
    const at = (returns: number) => ({
      rmqMessagesByQueue: { [`${queue}::/`]: [aMessage('a', { headers: { 'x-sluice-returns': returns } })] },
    })

    for (const event of [at(998), at(999)]) await receiver.response({ redeliver: receiver.deliveries(event) }, event)

    expect(published).toMatchObject([
      { exchange: delay, options: { headers: { 'x-sluice-returns': 999 } } },
      { exchange: '', key: deadLetters, content: Buffer.from('a'), options: { messageId: 'id of a' } },
    ])
  })

  it('sends a failed message of a dead-letter queue to the same queue again, however often it was delivered', async () => {
    const { receiver, published } = newReceiver()
    const messages = [aMessage('a', { headers: { 'x-sluice-returns': 5_000 } })]
    const event = { rmqMessagesByQueue: { 'stack-inference-dlq::/': messages } }

    await receiver.response({ redeliver: receiver.deliveries(event) }, event)

    expect(published).toMatchObject([{ exchange: 'stack-delay-6', key: expect.stringMatching(/stack-inference-dlq$/) }])
  })

  it('does not process a message without an id, but sends it again with an id', async () => {
    const { receiver, published } = newReceiver()
    const event = anEvent(aMessage('a', { messageId: null }), aMessage('b'))

    const deliveries = receiver.deliveries(event)
    await receiver.response({ redeliver: [] }, event)

    expect(deliveries).toMatchObject([{ id: 'id of b' }])
    expect(published).toMatchObject([
      { exchange: '', key: 'stack-results', content: Buffer.from('a'), options: { messageId: expect.any(String) } },
    ])
  })

  it('fails the invocation if a message can’t be sent again, so the broker redelivers the whole batch', async () => {
    const receiver = rabbitMqReceiver('stack-', () => Promise.reject(new Error('the broker is away')))
    const event = anEvent(aMessage('a'))

    await expect(receiver.response({ redeliver: receiver.deliveries(event) }, event)).rejects.toThrow('away')
  })
})
