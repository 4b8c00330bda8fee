import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseDocument } from 'yaml'
import { newVirtualHost, type VirtualHost } from './rabbitmq.ts'

/** The backend on which tests of whole systems run: QUEUE_BACKEND. */
export const QUEUE_BACKEND = process.env.QUEUE_BACKEND === 'rabbitmq' ? 'rabbitmq' : 'sqs'

/** Answers with a pipeline file that has this backend: with the file itself, or a copy. */
export function configOn(backend: typeof QUEUE_BACKEND, config: string): string {
  const document = parseDocument(readFileSync(config, 'utf8'))
  if ((document.getIn(['queue', 'backend']) ?? 'sqs') === backend) return config
  document.setIn(['queue', 'backend'], backend)
  const copy = join(mkdtempSync(join(tmpdir(), 'sluice-backend-')), basename(config))
  writeFileSync(copy, document.toString())
  return copy
}

/** A system that starts again with the data of an earlier one finds the queues of that one. */
const hostsByData = new Map<string, Promise<VirtualHost>>()

/** The settings with which a system runs on the backend of QUEUE_BACKEND, each with a virtual host of its own. */
export async function onBackend(settings: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
  if (QUEUE_BACKEND === 'sqs' || settings.AMQP_URL !== undefined) return settings
  const { SLUICE_DATA: data, SLUICE_CONFIG: config = 'pipeline.yaml' } = settings
  const host = (data === undefined ? undefined : hostsByData.get(data)) ?? newVirtualHost()
  if (data !== undefined) hostsByData.set(data, host)
  const { url } = await host
  return { ...settings, SLUICE_CONFIG: configOn(QUEUE_BACKEND, config), AMQP_URL: url }
}
