import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  connect,
  credentials,
  type Message,
  type Options,
} from 'amqplib'
import { Defect, Unavailable } from '../../platform/unavailable.ts'

/** The address of the broker, and the credentials. */
export interface Broker {
  /** `amqps://host:5671` or `amqp://user:password@host:5672/vhost`. */
  readonly url: string
  /**
   * Returns the credentials, if the URL has none. They are read for each connection, so that a rotated password is
   * used.
   */
  credentials(): Promise<{ readonly username: string; readonly password: string }>
}

export interface Publication {
  readonly exchange: string
  readonly key: string
  readonly content: Buffer
  /**
   * Whether the broker may drop the message if no queue takes it. If it may not, the publication is rejected with a
   * `Defect`.
   */
  readonly mayBeDropped?: boolean
  readonly options: Options.Publish & { readonly messageId: string }
}

/** The connection was lost before the broker confirmed a message. The message may have been sent nevertheless. */
export class LinkClosed extends Unavailable {
  constructor(cause: unknown) {
    super('the queue', cause)
  }
}

/**
 * One connection to the broker, with one channel for publishing. A closed connection is never repaired, but replaced.
 */
export interface Link {
  readonly isClosed: boolean
  /**
   * Returns whether the connection is alive. If the last answer of the broker is more than a few seconds old, this
   * method sends a small request to the broker first.
   */
  isAlive(): Promise<boolean>
  /**
   * Resolves once the broker has confirmed the message. Rejects with `LinkClosed`, with `Unavailable` if the broker refuses messages for
   * now, and with `Defect` if there is no queue for the message.
   */
  publish(publication: Publication): Promise<void>
  /** Runs some work on a separate channel. The broker closes a channel after an error, and then only this work fails. */
  onChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * The longest times for a connection, for the confirm of a message, and for an answer of the broker, in milliseconds.
 * Together they are much shorter than the gateway's own timeout, also if a message is sent twice. So during an outage
 * of the broker, the gateway can still release the reservation and answer 503.
 */
const CONNECT_MS = 3_000
const CONFIRM_MS = 5_000
const ALIVE_MS = 1_000

/** The longest time for some work on a separate channel, such as declaring all queues. Milliseconds. */
const WORK_MS = 20_000

/**
 * How long a connection counts as alive after an answer of the broker, in milliseconds. After this time, the connection
 * is tested before its next use: Lambda may have frozen the environment, and the broker may have closed the connection
 * meanwhile.
 */
const FRESH_MS = 5_000

/**
 * The wait before a send over a blocked connection (the broker takes no messages for now) is rejected, in milliseconds.
 * While Lambda froze the environment, the broker may have unblocked the connection. Then the broker's message about this
 * is read within this time, and the send is not rejected without need.
 */
const UNBLOCKED_MS = 50

const HEARTBEAT_SECONDS = 30

export async function openLink(broker: Broker): Promise<Link> {
  const model = await connectTo(broker)
  model.on('error', () => {})
  try {
    return linkOver(model, await inTime(CONNECT_MS, model.createConfirmChannel()))
  } catch (error) {
    void model.close().catch(() => {})
    throw new LinkClosed(error)
  }
}

/**
 * Waits for some work with the broker. Rejects with `Unavailable` if the work takes longer than `ms`, because the
 * client itself would wait for ever.
 */
async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  work.catch(() => {}) // Without this, a rejection after the wait would end the process.
  const late = Symbol('late')
  const result = await Promise.race([work, after<typeof late>(ms, late)])
  if (result === late) throw new Unavailable('the queue', new Error('the broker does not answer'))
  return result as T
}

async function connectTo(broker: Broker): Promise<ChannelModel> {
  const { protocol, hostname, port, username, password, pathname } = new URL(broker.url)
  const own = username === '' ? await broker.credentials() : undefined
  const by = own ?? { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  const options = {
    protocol: protocol.slice(0, -1),
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'amqps:' ? 5671 : 5672),
    vhost: decodeURIComponent(pathname.slice(1)) || '/',
    heartbeat: HEARTBEAT_SECONDS,
  }
  try {
    return await connect(options, {
      timeout: CONNECT_MS,
      noDelay: true,
      credentials: credentials.plain(by.username, by.password),
    })
  } catch (error) {
    throw isRefusal(error) ? new Defect('the queue', error) : new Unavailable('the queue', error)
  }
}

/**
 * Returns whether the broker refuses the user or the virtual host. A repetition would fail again, so this is a defect.
 * A refusal because of a limit of connections does not count, because the limit is exceeded only for a time.
 */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && /ACCESS[-_]REFUSED|NOT[-_]ALLOWED/.test(error.message) && !/limit/i.test(error.message)

/** The current state of a connection. */
interface State {
  closed: Error | undefined
  blocked: string | undefined
  heardAt: number
  checking: Promise<boolean> | undefined
  readonly pending: Set<(error: unknown) => void>
  /**
   * The ids of messages that the broker has returned, because no queue takes them. The return of a message comes before
   * its confirm.
   */
  readonly returned: Set<string>
}

function linkOver(model: ChannelModel, channel: ConfirmChannel): Link {
  const state: State = {
    closed: undefined,
    blocked: undefined,
    heardAt: performance.now(),
    checking: undefined,
    pending: new Set(),
    returned: new Set(),
  }
  watch(model, channel, state)
  const onChannel = async <T>(work: (own: Channel) => Promise<T>): Promise<T> => {
    // A broker that blocks publishers reads nothing from this connection, so the work would never end.
    if (state.blocked !== undefined) throw refusesFor(state.blocked)
    const own = await inTime(CONFIRM_MS, model.createChannel().catch(closedBy))
    own.on('error', () => {})
    try {
      const done = await inTime(WORK_MS, work(own))
      state.heardAt = performance.now()
      return done
    } finally {
      void own.close().catch(() => {})
    }
  }
  return {
    get isClosed() {
      return state.closed !== undefined
    },
    isAlive: () => {
      if (state.closed || performance.now() - state.heardAt < FRESH_MS) return Promise.resolve(!state.closed)
      // A broker that blocks publishers reads nothing from them, so it would not answer a test. It is alive
      // nevertheless.
      if (state.blocked !== undefined) return Promise.resolve(true)
      state.checking ??= answersInTime(channel, state).finally(() => {
        state.checking = undefined
      })
      return state.checking
    },
    publish: publication => publish(channel, state, publication),
    onChannel,
    close: () => model.close().catch(() => {}),
  }
}

/** Returns whether the broker has closed a channel because there is no queue with the given name. */
export const isNotFound = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 404

const closedBy = (error: unknown): never => {
  throw new LinkClosed(error)
}

function watch(model: ChannelModel, channel: ConfirmChannel, state: State): void {
  const fail = (error: unknown) => {
    for (const reject of state.pending) reject(error)
    state.pending.clear()
  }
  const close = (error: Error = new Error('the connection was closed')) => {
    state.closed ??= error
    fail(new LinkClosed(state.closed))
  }
  model.on('error', close)
  model.on('close', close)
  model.on('blocked', reason => {
    state.blocked = reason
    // The broker reads the pending messages only after it has unblocked the connection, and it is not known when this
    // is. So their sends are rejected at once.
    fail(refusesFor(reason))
  })
  model.on('unblocked', () => {
    state.blocked = undefined
  })
  channel.on('error', close)
  channel.on('close', () => close(new Error('the channel was closed')))
  channel.on('return', ({ properties }: Message) => {
    if (typeof properties.messageId === 'string') state.returned.add(properties.messageId)
  })
}

const refusesFor = (reason: string): Unavailable =>
  new Unavailable('the queue', new Error(`it takes no messages: ${reason}`))

async function answersInTime(channel: ConfirmChannel, state: State): Promise<boolean> {
  const answer = channel.checkExchange('amq.direct').then(
    () => true,
    () => false,
  )
  const isAlive = await Promise.race([answer, after(ALIVE_MS, false)])
  if (isAlive) state.heardAt = performance.now()
  else state.closed ??= new Error('the broker does not answer')
  return isAlive
}

const after = <T>(ms: number, value: T): Promise<T> => new Promise(resolve => setTimeout(resolve, ms, value).unref())

async function publish(channel: ConfirmChannel, state: State, publication: Publication): Promise<void> {
  if (state.blocked !== undefined) await after(UNBLOCKED_MS, undefined)
  if (state.blocked !== undefined) throw refusesFor(state.blocked)
  if (state.closed) throw new LinkClosed(state.closed)
  const { exchange, key, content, options, mayBeDropped = false } = publication
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => {
    // The connection may have died without an error. So it counts as closed, and the next message gets a new
    // connection.
    state.closed ??= new Error('the broker did not confirm a message in time')
    reject(new Unavailable('the queue', state.closed))
  }, CONFIRM_MS)
  state.pending.add(reject)
  try {
    channel.publish(
      exchange,
      key,
      content,
      { ...options, mandatory: !mayBeDropped, persistent: true },
      (error: unknown) => {
        state.heardAt = performance.now()
        const isReturned = state.returned.delete(options.messageId)
        if (error) reject(state.closed ? new LinkClosed(state.closed) : new Unavailable('the queue', error))
        else if (isReturned) reject(new Defect('the queue', new Error(`no queue takes messages of the key ${key}`)))
        else resolve()
      },
    )
  } catch (error) {
    state.closed ??= error instanceof Error ? error : new Error(String(error))
    reject(new LinkClosed(error))
  }
  try {
    await promise
  } finally {
    clearTimeout(timer)
    state.pending.delete(reject)
  }
}
