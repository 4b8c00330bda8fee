import { type ChannelModel, connect } from 'amqplib'
import { LocalError, messageOf } from '../error.ts'

/** The usual address of a RabbitMQ on this machine. */
export const USUAL_BROKER = 'amqp://guest:guest@127.0.0.1:5672'

const CONNECT_MS = 5_000
const HEARTBEAT_SECONDS = 10

/** Opens a connection to the broker of `AMQP_URL`. Rejects with amqplib's error. */
export function connectTo(url: string): Promise<ChannelModel> {
  const address = new URL(url)
  address.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS))
  return connect(address.href, { timeout: CONNECT_MS, noDelay: true })
}

/** Returns the virtual host in the URL of a broker. */
export const vhostOf = (url: string): string => decodeURIComponent(new URL(url).pathname.slice(1)) || '/'

/** Returns the address in the URL of a broker, without user and password. */
export function addressOf(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

/**
 * Checks that the broker answers. Throws LocalError with one sentence that says what to do.
 */
export async function checkBroker(url: string): Promise<void> {
  if (!/^amqps?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new LocalError('AMQP_URL must be an address such as amqp://guest:guest@127.0.0.1:5672.')
  try {
    const connection = await connectTo(url)
    await connection.close()
  } catch (error) {
    throw new LocalError(
      `RabbitMQ at ${addressOf(url)} does not answer (${withoutNewLines(messageOf(error))}): install it, with \`apt-get install rabbitmq-server\` or \`brew install rabbitmq\`, and start it with \`rabbitmq-server\`; or set AMQP_URL to the address of another one.`,
    )
  }
}

const withoutNewLines = (text: string): string => text.replaceAll(/\s+/g, ' ')
