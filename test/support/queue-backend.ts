import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseDocument } from 'yaml'
import { newVirtualHost, type VirtualHost } from './rabbitmq.ts'

/** The backend of the queues for tests of whole systems. The variable QUEUE_BACKEND sets it. */
export const QUEUE_BACKEND = process.env.QUEUE_BACKEND === 'rabbitmq' ? 'rabbitmq' : 'sqs'

/** The path of a pipeline file with this queue backend: the given file, or a copy with another backend. */
export function configOn(backend: typeof QUEUE_BACKEND, config: string): string {
  const document = parseDocument(readFileSync(config, 'utf8'))
  if ((document.getIn(['queue', 'backend']) ?? 'sqs') === backend) return config
  document.setIn(['queue', 'backend'], backend)
  const copy = join(mkdtempSync(join(tmpdir(), 'sluice-backend-')), basename(config))
  writeFileSync(copy, document.toString())
  return copy
}

/** The virtual hosts of RabbitMQ, by data folder. A system that starts again with the same data folder needs the same queues. */
const hostsByData = new Map<string, Promise<VirtualHost>>()

/** Adds settings with which a system uses the backend of QUEUE_BACKEND. With RabbitMQ, each system gets its own virtual host. */
export async function onBackend(settings: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
  if (QUEUE_BACKEND === 'sqs' || settings.AMQP_URL !== undefined) return settings
  const { SLUICE_DATA: data, SLUICE_CONFIG: config = 'pipeline.yaml' } = settings
  const host = (data === undefined ? undefined : hostsByData.get(data)) ?? newVirtualHost()
  if (data !== undefined) hostsByData.set(data, host)
  const { url } = await host
  return { ...settings, SLUICE_CONFIG: configOn(QUEUE_BACKEND, config), AMQP_URL: url }
}
