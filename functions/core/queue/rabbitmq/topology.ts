import type { Channel } from 'amqplib'
import { Defect, isFailedCall, Unavailable } from '../../platform/unavailable.ts'
import { bitPattern, DELAY_LEVELS, delayName, deliverName, exchangeBelow } from './delays.ts'
import { isNotFound, type Link } from './link.ts'
import { REQUESTS_KEY, TEAM_EXCHANGE } from './team-exchange.ts'

/**
 * A queue, and its dead-letter queue for messages that were delivered too often. A dead-letter queue itself has none.
 */
export interface QueueDeclaration {
  readonly name: string
  readonly dead_letters?: string | undefined
}

/** The exchanges and queues that a deployment needs on its broker. */
export interface Topology {
  /** The beginning of the names of the deployment's own queues and exchanges. */
  readonly prefix: string
  readonly queues: readonly QueueDeclaration[]
  /** The queue that gets the messages that producers publish to the exchange `inference` with the key `requests`. */
  readonly requests?: string | undefined
  /** The queue that an earlier declaration has bound to the key `requests`, if it must get no further messages. */
  readonly unbind?: string | undefined
}

/**
 * The most deliveries of a message, as with SQS. A message is delivered again if its function crashed or a connection
 * was lost, so a healthy message has far fewer deliveries. RabbitMQ 4 allows only 20 by default.
 */
const DELIVERY_LIMIT = 1_000

/**
 * The most deliveries of a message in a dead-letter queue, which must never be dropped. RabbitMQ 3.10 has no value for
 * `unlimited`, so this number is higher than any real number of deliveries.
 */
const NO_LIMIT = 1_000_000_000

/**
 * The settings with which a message leaves its queue for the next one (a dead-letter queue, or the next delay queue)
 * only after that queue has it. Otherwise a failure of the broker in between would lose the message. They need a queue
 * that rejects messages when it is full.
 */
const AT_LEAST_ONCE = { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }

const workArguments = (deadLetters: string) => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': DELIVERY_LIMIT,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': deadLetters,
  ...AT_LEAST_ONCE,
})

const DEAD_LETTER_ARGUMENTS = { 'x-queue-type': 'quorum', 'x-delivery-limit': NO_LIMIT }

const delayArguments = (prefix: string, level: number) => ({
  'x-queue-type': 'quorum',
  'x-message-ttl': 1_000 * 2 ** level,
  'x-dead-letter-exchange': exchangeBelow(prefix, level),
  ...AT_LEAST_ONCE,
})

/**
 * Declares the exchanges and queues of a deployment. Existing ones stay as they are. If a queue or an exchange with one
 * of these names was made with other settings, it throws a `Defect` that names the difference. It may be repeated at
 * any point.
 */
export async function declareTopology(link: Link, { prefix, queues, requests, unbind }: Topology): Promise<void> {
  const make = (what: string, work: (channel: Channel) => Promise<unknown>) => declare(link, what, work)
  const queue = (name: string, args: object) =>
    make(`the queue ${name}`, channel => channel.assertQueue(name, { durable: true, arguments: args }))
  const exchange = (name: string) =>
    make(`the exchange ${name}`, channel => channel.assertExchange(name, 'topic', { durable: true }))

  await exchange(deliverName(prefix))
  for (let level = 0; level < DELAY_LEVELS; level++) {
    const name = delayName(prefix, level)
    await exchange(name)
    await queue(name, delayArguments(prefix, level))
    await make(name, async channel => {
      await channel.bindQueue(name, name, bitPattern(level, 1))
      await channel.bindExchange(exchangeBelow(prefix, level), name, bitPattern(level, 0))
    })
  }
  // A queue is declared after its dead-letter queue, so that its messages can always move there, and are not lost.
  const deadLettersFirst = [...queues].sort((a, b) => Number(!!a.dead_letters) - Number(!!b.dead_letters))
  for (const { name, dead_letters } of deadLettersFirst) {
    await queue(name, dead_letters === undefined ? DEAD_LETTER_ARGUMENTS : workArguments(dead_letters))
    await make(name, channel => channel.bindQueue(name, deliverName(prefix), `#.${name}`))
  }
  await declareTeamExchange(link, requests)
  // The old binding is removed last, so that each message of a producer always finds a queue. The exchange drops a
  // message without a queue.
  if (unbind !== undefined) await unbindRequests(link, unbind)
}

/** Declares the exchange of the team, unless another system has made it already. */
async function declareTeamExchange(link: Link, requests: string | undefined): Promise<void> {
  const isThere = await link.onChannel(channel =>
    channel.checkExchange(TEAM_EXCHANGE).then(
      () => true,
      () => false,
    ),
  )
  await declare(link, `the exchange ${TEAM_EXCHANGE}`, async channel => {
    if (!isThere) await channel.assertExchange(TEAM_EXCHANGE, 'direct', { durable: true })
    if (requests !== undefined) await channel.bindQueue(requests, TEAM_EXCHANGE, REQUESTS_KEY)
  })
}

/** Removes the binding of a queue. A queue that no longer exists has no binding. */
const unbindRequests = (link: Link, queue: string): Promise<void> =>
  link.onChannel(async channel => {
    try {
      await channel.unbindQueue(queue, TEAM_EXCHANGE, REQUESTS_KEY)
    } catch (error) {
      if (!isNotFound(error)) throw new Unavailable('the broker', error)
    }
  })

async function declare(link: Link, what: string, work: (channel: Channel) => Promise<unknown>): Promise<void> {
  try {
    await link.onChannel(work)
  } catch (error) {
    const [, differs] = /PRECONDITION_FAILED - (.*?)"?$/.exec(error instanceof Error ? error.message : '') ?? []
    // Any other error comes from the connection, and a repetition may succeed.
    if (differs === undefined) throw isFailedCall(error) ? error : new Unavailable('the broker', error)
    throw new Defect(
      'the broker',
      new Error(
        `${what} is there already and was made in another way; delete it once it is empty, and deploy again: ${differs}`,
      ),
    )
  }
}
