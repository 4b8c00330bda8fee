import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { type ChannelModel, connect } from 'amqplib'

const execute = promisify(execFile)

/** The broker of the tests, which `.ci/rabbitmq.sh` starts. Without one, tests of RabbitMQ are left out. */
export const BROKER_URL = process.env.AMQP_URL

/** Runs a command of `rabbitmqctl`, which RABBITMQCTL may name with its arguments. Answers with its output. */
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
  /** The number of messages per queue, ready and unacknowledged ones. Empty queues are left out. */
  messages(): Promise<Record<string, number>>
  close(): Promise<void>
}

/** Makes a virtual host of its own, so that a test finds no queues of others. */
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
    messages: async () => {
      const lines = await rabbitmqctl('list_queues', '--no-table-headers', '-p', name, 'name', 'messages')
      const counts = lines.split('\n').flatMap(line => {
        const [queue, count] = line.split('\t')
        return queue && Number(count) > 0 ? [[queue, Number(count)] as const] : []
      })
      return Object.fromEntries(counts)
    },
    close: async () => {
      await rabbitmqctl('delete_vhost', name)
    },
  }
}
