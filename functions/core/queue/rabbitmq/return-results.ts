import type { Channel, GetMessage } from 'amqplib'
import type { Clock } from '../../platform/clock.ts'
import { Defect, isFailedCall, Unavailable } from '../../platform/unavailable.ts'
import type { ReturnedResults } from '../admin-port.ts'
import { DEAD_LETTERS, RESULTS_QUEUE } from '../names.ts'
import type { Connection } from './connection.ts'
import { isNotFound } from './link.ts'
import { headersOfCopy, RETURNS } from './receiver.ts'

/**
 * No further result is taken after this time. Work on a channel may take twice as long, so there is time to send the last
 * result. Milliseconds.
 */
const TAKE_MS = 10_000

/**
 * Sends dead results (events in the dead-letter queue of the results) to the results queue again, for ten seconds. An
 * operator repeats the operation while some dead results are left. If the operation stops midway, a result may exist
 * twice, which does no harm, because a request item accepts an outcome only once. Rejects with `Unavailable`, and with
 * a `Defect` if there is no queue of dead results.
 */
export const rabbitMqReturnResults =
  (prefix: string, connection: Connection, clock: Clock) => async (): Promise<ReturnedResults> => {
    const queue = prefix + RESULTS_QUEUE
    const until = clock() + TAKE_MS
    const link = await connection.link()
    return link.onChannel(channel => reachingQueue(() => returnUntil(until, clock, { connection, channel, queue })))
  }

/** The way of the dead results: the channel that takes them, the connection that sends them again, and the results queue. */
interface Way {
  readonly connection: Connection
  readonly channel: Channel
  /** The whole name of the results queue. */
  readonly queue: string
}

async function returnUntil(until: number, clock: Clock, way: Way): Promise<ReturnedResults> {
  let left: number
  let returned = 0
  // At least one result is read, so that the number of results that are left is known, even if opening the connection
  // has used up the time.
  do {
    const message = await way.channel.get(way.queue + DEAD_LETTERS)
    if (message === false) return { returned, left: 0 }
    await sendAgain(way, message)
    returned++
    left = message.fields.messageCount
  } while (left > 0 && clock() < until)
  return { returned, left }
}

/**
 * Runs some work on a channel. A missing queue is thrown as a `Defect`, and any other error of amqplib, such as a lost
 * channel, as `Unavailable`. The whole work is covered, because `ack` throws such an error itself, and not in a promise.
 */
async function reachingQueue<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isFailedCall(error)) throw error
    throw isNotFound(error) ? new Defect('the queue', error) : new Unavailable('the queue', error)
  }
}

/**
 * Sends a dead letter to its queue again. It leaves the dead-letter queue only after the broker has confirmed the new
 * message, so that a crash in between loses nothing.
 */
async function sendAgain({ connection, channel, queue }: Way, message: GetMessage): Promise<void> {
  const { messageId, contentType, headers = {} } = message.properties
  await connection.publish({
    exchange: '',
    key: queue,
    content: message.content,
    options: {
      messageId: String(messageId),
      contentType: String(contentType),
      headers: { ...headersOfCopy(headers), [RETURNS]: 0 },
    },
  })
  channel.ack(message)
}
