import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { type ChannelModel, connect } from 'amqplib'

const execute = promisify(execFile)

/** The address of the broker of the tests, which `.ci/rabbitmq.sh` starts. Without it, tests of RabbitMQ are skipped. */
export const BROKER_URL = process.env.AMQP_URL

/** Runs `rabbitmqctl`, or the command in RABBITMQCTL, with these arguments, and returns its output. */
export async function rabbitmqctl(...argv: readonly string[]): Promise<string> {
  const [command = 'rabbitmqctl', ...own] = (process.env.RABBITMQCTL ?? 'rabbitmqctl').split(' ')
  const { stdout } = await execute(command, [...own, '--quiet', ...argv])
  return stdout
}

export interface VirtualHost {
  readonly name: string
  /** The address of the broker, with this virtual host. */
  readonly url: string
  connect(): Promise<ChannelModel>
  /** The number of ready and unacknowledged messages per queue. Empty queues are left out. */
  messages(): Promise<Record<string, number>>
  close(): Promise<void>
}

/** Returns the number of ready and unacknowledged messages per queue of a virtual host. Empty queues are left out. */
export async function messagesIn(host: string): Promise<Record<string, number>> {
  const lines = await rabbitmqctl('list_queues', '--no-table-headers', '-p', host, 'name', 'messages')
  const counts = lines.split('\n').flatMap(line => {
    const [queue, count] = line.split('\t')
    return queue && Number(count) > 0 ? [[queue, Number(count)] as const] : []
  })
  return Object.fromEntries(counts)
}

/** Makes a new virtual host, so that a test does not find queues of other tests. */
export async function newVirtualHost(broker = BROKER_URL): Promise<VirtualHost> {
  if (broker === undefined) throw new Error('AMQP_URL names no broker')
  const name = `test-${randomUUID()}`
  const address = new URL(broker)
  address.pathname = `/${name}`
  await rabbitmqctl('add_vhost', name)
  await rabbitmqctl('set_permissions', '-p', name, decodeURIComponent(address.username) || 'guest', '.*', '.*', '.*')
  return {
    name,
    url: address.href,
    connect: () => connect(address.href),
    messages: () => messagesIn(name),
    close: async () => {
      await rabbitmqctl('delete_vhost', name)
    },
  }
}
