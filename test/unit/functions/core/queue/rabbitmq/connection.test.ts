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

/** A fake connection to a broker. `publish` decides what happens to a message. */
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

describe('the connection of a process to the broker', () => {
  it('is opened once for many simultaneous messages', async () => {
    const { connection, opened } = opening(aLink())

    await Promise.all(Array.from({ length: 20 }, () => connection.publish(MESSAGE)))

    expect(opened()).toBe(1)
  })

  it('is replaced before the next message is sent, if the broker does not answer on it any more', async () => {
    const first = aLink()
    const { connection, opened } = opening(first, aLink())
    await connection.publish(MESSAGE)
    first.alive = false

    await connection.publish(MESSAGE)

    expect(opened()).toBe(2)
  })

  it('if the connection was lost before the broker confirmed a message, the connection is replaced, and the message is sent again', async () => {
    const cut = aLink(() => {
      cut.isClosed = true
      return Promise.reject(new LinkClosed(new Error('cut')))
    })
    const { connection, opened } = opening(cut, aLink())

    await connection.publish(MESSAGE)

    expect(opened()).toBe(2)
  })

  it('a message that the broker refuses, for example because it lacks memory, is not sent a second time', async () => {
    let sent = 0
    const refuse = () => {
      sent += 1
      return Promise.reject(new Unavailable('the queue', new Error('memory')))
    }
    const { connection, opened } = opening(aLink(refuse))

    await expect(connection.publish(MESSAGE)).rejects.toThrow('memory')

    expect([sent, opened()]).toEqual([1, 1])
  })

  it('if the connection could not be opened for one message, the next message opens it', async () => {
    const { connection } = opening(new Unavailable('the queue', new Error('refused')), aLink())

    await expect(connection.publish(MESSAGE)).rejects.toThrow('refused')
    await expect(connection.publish(MESSAGE)).resolves.toBeUndefined()
  })
})
