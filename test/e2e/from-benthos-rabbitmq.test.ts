import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Channel, ChannelModel } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BROKER_URL, newVirtualHost, type VirtualHost } from '../support/rabbitmq.ts'
import { eventually } from './support/eventually.ts'
import { PREDICT_USAGE, type PredictEndpoint, startPredictEndpoint } from './support/predict-endpoint.ts'
import { projectFolder, type RunningSystem, startSystem } from './support/system.ts'

/** Runs the pipeline.yaml of docs/from-benthos.md for teams that keep RabbitMQ. The producers and the reader of results are those of the old pipeline. */
describe.skipIf(BROKER_URL === undefined)('the old pipeline on RabbitMQ', () => {
  let host: VirtualHost
  let endpoint: PredictEndpoint
  let system: RunningSystem
  let others: ChannelModel
  let channel: Channel
  const answers: Record<string, unknown>[] = []

  beforeAll(async () => {
    host = await newVirtualHost()
    endpoint = await startPredictEndpoint()
    system = await startSystem({
      SLUICE_CONFIG: join(projectFolder, 'docs', 'from-benthos', 'rabbitmq.yaml'),
      AMQP_URL: host.url,
      TEXT_MODEL_URL: `${endpoint.url}/predict`,
    })
    others = await host.connect()
    channel = await others.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'inference', 'responses')
    const take = (text: string) => answers.push(JSON.parse(text))
    await channel.consume(queue, message => message && take(message.content.toString()), { noAck: true })
  })
  afterAll(async () => {
    await others?.close()
    await system?.stop()
    await endpoint?.close()
    await host?.close()
  })

  test.for([
    ['the exchange of the old pipeline', 'inference', 'requests'],
    ['the queue itself, as the old gateway did', '', 'inference_requests'],
  ] as const)(
    'the response to a message that was published to %s is published on the exchange of the old pipeline',
    async ([, exchange, key]) => {
      const { user, settledQuota } = await system.newUser()
      // This is the body that the gateway of the old pipeline sends.
      const body = { request_id: randomUUID(), user_id: user, prompt: 'Old', estimated_tokens: 2, model_type: 'text' }

      channel.publish(exchange, key, Buffer.from(JSON.stringify(body)))

      await eventually(() => expect(answers.filter(answer => answer.user_id === user)).toHaveLength(1))
      expect(answers.find(answer => answer.user_id === user)).toMatchObject({
        request_id: expect.any(String),
        status: 'completed',
        estimated_tokens: 2,
        result: { label: 'Old' },
        usage: PREDICT_USAGE,
      })
      expect(await settledQuota()).toMatchObject({
        requests: { used: 1 },
        tokens: { used: PREDICT_USAGE.total_tokens },
      })
    },
  )
})
