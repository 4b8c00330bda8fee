import type { Channel, ChannelModel } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STALE_RESERVATION_MS } from '../../functions/core/domain/timing.ts'
import { systemClock } from '../../functions/core/platform/clock.ts'
import { type Swept, sweep } from '../../functions/sweeper/sweep.ts'
import { BROKER_URL, newVirtualHost, rabbitmqctl, type VirtualHost } from '../support/rabbitmq.ts'
import { eventually } from './support/eventually.ts'
import { startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { runSluice } from './support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

/** Within this time after an outage of the broker, functions and event source mappings are connected again. */
const RECOVERY = { timeout: 60_000, interval: 500 }

/** If a function can't send a message, the messages that it has received are delivered again after about a minute. So their requests end in this time. */
const REDELIVERY = { timeout: 150_000, interval: 500 }

/**
 * Closes the reservations that refused posts have left open. The sweeper closes only reservations older than two minutes, so the clock of
 * this sweep is two minutes ahead, and the test need not wait. No request may be in progress, since the sweep would treat it as old, too.
 */
const sweepAhead = ({ admin }: RunningSystem): Promise<Swept> =>
  sweep({
    ...admin,
    models: Object.keys(admin.models),
    clock: () => systemClock() + STALE_RESERVATION_MS + 1_000,
  })

describe.skipIf(BROKER_URL === undefined)('a system on RabbitMQ', () => {
  let host: VirtualHost
  let model: TestModel
  let system: RunningSystem
  let others: ChannelModel
  let channel: Channel

  beforeAll(async () => {
    host = await newVirtualHost()
    model = await startTestModel()
    const settings = { SLUICE_CONFIG: fixture('rabbitmq.yaml'), MODEL_URL: model.url, AMQP_URL: host.url }
    system = await startSystem(settings)
    others = await host.connect()
    others.on('error', () => {})
    channel = await others.createChannel()
  })
  afterAll(async () => {
    await others?.close().catch(() => {})
    await system?.stop()
    await model?.close()
    await host?.close()
  })

  test("a message that another producer published on the team's exchange is answered exactly once", async () => {
    const { user } = await system.newUser()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'inference', 'responses')
    const answers: Record<string, unknown>[] = []
    await channel.consume(queue, message => message && answers.push(JSON.parse(message.content.toString())), {
      noAck: true,
    })

    channel.publish('inference', 'requests', Buffer.from(JSON.stringify({ user_id: user, prompt: 'from a producer' })))

    await eventually(() => expect(answers.filter(({ user_id }) => user_id === user)).toHaveLength(1))
    expect(answers.find(({ user_id }) => user_id === user)).toMatchObject({
      status: 'completed',
      result: { echo: 'from a producer' },
      usage: usualUsage,
      request_id: expect.any(String),
    })
    expect(model.calls.filter(({ body }) => body.user === user)).toHaveLength(1)
  })

  test("the error of a failed request is published on the team's exchange under the key errors", async () => {
    const client = await system.newUser()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'inference', 'errors')
    const errors: unknown[] = []
    await channel.consume(queue, message => message && errors.push(JSON.parse(message.content.toString())), {
      noAck: true,
    })
    model.on('refused', response => response.writeHead(400).end('no'))

    const id = await client.submit({ prompt: 'refused' })

    await eventually(() => expect(errors).toContainEqual(expect.objectContaining({ request_id: id })))
    expect(errors).toContainEqual(
      expect.objectContaining({ request_id: id, status: 'failed', code: expect.any(String) }),
    )
  })

  test('posts are answered with 503 and not charged while the broker accepts no messages, and are accepted again without a restart', async () => {
    const client = await system.newUser()
    await rabbitmqctl('set_vm_memory_high_watermark', '0')
    try {
      const refused = await client.post({ prompt: 'too full' })

      expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    } finally {
      await rabbitmqctl('set_vm_memory_high_watermark', '0.4')
    }

    const again = await eventually(async () => {
      const answer = await client.post({ prompt: 'again' })
      expect(answer.status).toBe(202)
      return String(answer.body.request_id)
    }, RECOVERY)
    expect(await client.ended(again)).toMatchObject({ status: 'completed' })
    // The gateway could not send the `ended` event of the refused request either, so its reservation still counts in the user's quota. The sweeper
    // closes the reservation.
    expect((await sweepAhead(system)).closed).toBeGreaterThan(0)
    await eventually(async () => {
      const { in_flight, requests } = await client.quota()
      expect({ in_flight: in_flight.used, requests: requests.used }).toEqual({ in_flight: 0, requests: 1 })
    })
    expect(model.calls.filter(({ body }) => body.input === 'too full')).toHaveLength(0)
  })

  test('posts are answered with 503 while the broker is down, and requests complete again without a restart', async () => {
    const client = await system.newUser()
    await rabbitmqctl('stop_app')
    try {
      expect(await client.post({ prompt: 'nobody there' })).toMatchObject({ status: 503 })
    } finally {
      await rabbitmqctl('start_app')
    }

    let accepted = ''
    await eventually(async () => {
      const { status, body } = await client.post({ prompt: 'back again' })
      expect(status).toBe(202)
      accepted = String(body.request_id)
    }, RECOVERY)
    await eventually(async () => {
      const { body } = await client.send('GET', `/v1/inference/${accepted}`)
      expect(body).toMatchObject({ status: 'completed' })
    }, REDELIVERY)
  })

  test('each request ends and is charged exactly once, although all connections to the broker are closed three times', async () => {
    const client = await system.newUser()
    const ids: string[] = []
    for (let round = 0; round < 3; round++) {
      ids.push(...(await Promise.all(Array.from({ length: 10 }, (_, i) => client.submit({ prompt: `${round}-${i}` })))))
      await rabbitmqctl('close_all_connections', '-p', host.name, 'a test')
    }

    for (const id of ids)
      await eventually(async () => {
        const { body } = await client.send('GET', `/v1/inference/${id}`)
        expect(body).toMatchObject({ status: 'completed' })
      }, REDELIVERY)
    await eventually(async () => {
      const { in_flight, requests } = await client.quota()
      expect({ in_flight: in_flight.used, requests: requests.used }).toEqual({ in_flight: 0, requests: ids.length })
    }, REDELIVERY)
  })

  test('no message is left on the broker after these tests, and `sluice reconcile` finds no difference between the stores', async () => {
    await eventually(async () => expect(await host.messages()).toEqual({}), REDELIVERY)
    await sweepAhead(system)
    await eventually(async () => expect(await host.messages()).toEqual({}), REDELIVERY)
    expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0 })
    expect(await runSluice(system, 'models', 'list')).toMatchObject({ code: 0 })
  }, 400_000)
})
