import { type Broker, type Link, LinkClosed, openLink, type Publication } from './link.ts'

/** The broker, over one connection per environment of a function. A connection is opened when it is needed. */
export interface Connection {
  /** Sends a message, over a new connection if the last one has died. Rejects with `Unavailable` or `Defect`. */
  publish(publication: Publication): Promise<void>
  /** Returns a connection that is alive. */
  link(): Promise<Link>
  close(): Promise<void>
}

/**
 * The most sends of a message, if the connection is lost before the broker confirms it. If the broker had received the
 * first send, the message exists twice with the same id. This does no harm, because its request is claimed only once,
 * and an input message is admitted only once per id.
 */
const MAX_SENDS = 3

/**
 * Makes the connection to the broker. A dead connection is replaced when it is needed. amqplib could also reconnect in
 * the background, but Lambda freezes an environment between two events. Then no timer runs, and the function does not
 * see that the broker has closed the connection. The first send after a freeze could then fail.
 */
export function brokerConnection(broker: Broker, open: (broker: Broker) => Promise<Link> = openLink): Connection {
  let current: Promise<Link> | undefined

  const opened = (): Promise<Link> => {
    const opening = open(broker)
    current = opening
    opening.catch(() => {
      if (current === opening) current = undefined
    })
    return opening
  }

  async function link(): Promise<Link> {
    const known = current
    const found = await (known ?? opened())
    if (!found.isClosed && (await found.isAlive())) return found
    if (current === known) {
      current = undefined
      void found.close()
    }
    return current ?? opened()
  }

  async function publish(publication: Publication): Promise<void> {
    for (let sends = 1; ; sends++) {
      const over = await link()
      try {
        return await over.publish(publication)
      } catch (error) {
        if (!(error instanceof LinkClosed) || sends === MAX_SENDS) throw error
      }
    }
  }

  return {
    publish,
    link,
    close: async () => {
      const closing = current
      current = undefined
      await closing?.then(found => found.close()).catch(() => {})
    },
  }
}
