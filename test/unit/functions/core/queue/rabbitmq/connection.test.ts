import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import { brokerConnection } from '../../../../../../functions/core/queue/rabbitmq/connection.ts'
import { type Link, LinkClosed, type Publication } from '../../../../../../functions/core/queue/rabbitmq/link.ts'

const BROKER = { url: 'amqp://localhost', credentials: () => Promise.reject(new Error('none')) }
const MESSAGE: Publication = { exchange: '', key: 'q', content: Buffer.from('{}'), options: { messageId: '1' } }

interface FakeLink extends Link {
  isClosed: boolean
  alive: boolean
}

/** A fake link. The test decides how it publishes. */
const aLink = (publish: Link['publish'] = async () => {}): FakeLink => {
  const link: FakeLink = {
    isClosed: false,
    alive: true,
    isAlive: async () => link.alive && !link.isClosed,
    publish,
    onChannel: () => Promise.reject(new Error('not here')),
    close: async () => {},
  }
  return link
}

const opening = (...links: (Link | Error)[]) => {
  let opened = 0
  const connection = brokerConnection(BROKER, async () => {
    const next = links[opened++] ?? new Error('no more links')
    if (next instanceof Error) throw next
    return next
  })
  return { connection, opened: () => opened }
}

describe('the connection to a broker', () => {
  it('is opened once for many simultaneous messages', async () => {
    const { connection, opened } = opening(aLink())

    await Promise.all(Array.from({ length: 20 }, () => connection.publish(MESSAGE)))

    expect(opened()).toBe(1)
  })

  it('is replaced before a message fails, if the connection no longer answers', async () => {
    const first = aLink()
    const { connection, opened } = opening(first, aLink())
    await connection.publish(MESSAGE)
    first.alive = false

    await connection.publish(MESSAGE)

    expect(opened()).toBe(2)
  })

  it('is replaced for a message whose confirm was lost with the connection', async () => {
    const cut = aLink(() => {
      cut.isClosed = true
      return Promise.reject(new LinkClosed(new Error('cut')))
    })
    const { connection, opened } = opening(cut, aLink())

    await connection.publish(MESSAGE)

    expect(opened()).toBe(2)
  })

  it('does not send a message again that the broker refuses for now', async () => {
    let sent = 0
    const refuse = () => {
      sent += 1
      return Promise.reject(new Unavailable('the queue', new Error('memory')))
    }
    const { connection, opened } = opening(aLink(refuse))

    await expect(connection.publish(MESSAGE)).rejects.toThrow('memory')

    expect([sent, opened()]).toEqual([1, 1])
  })

  it('is opened again after it could not be opened', async () => {
    const { connection } = opening(new Unavailable('the queue', new Error('refused')), aLink())

    await expect(connection.publish(MESSAGE)).rejects.toThrow('refused')
    await expect(connection.publish(MESSAGE)).resolves.toBeUndefined()
  })
})
