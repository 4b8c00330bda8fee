import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LocalSystem, startLocal } from '../../lib/local/system.ts'
import { synthesize } from '../../lib/synthesize.ts'
import { configOn, onBackend } from '../support/queue-backend.ts'
import type { VirtualHost } from '../support/rabbitmq.ts'

export interface ChaosSystem {
  readonly system: LocalSystem
  close(): Promise<void>
}

/** Values of SLUICE_INVOCATIONS_PER_THREAD: one invocation at a time per thread, or the usual number. */
export const INVOCATIONS_PER_THREAD = ['1', ''] as const

/**
 * Starts a local system with a pipeline file of this folder. The system runs in the process of the test, so that the test can kill its threads.
 * Its model is at `modelUrl`. With `host`, its queues are on this virtual host of RabbitMQ, even if QUEUE_BACKEND is `sqs`.
 */
export async function startChaosSystem(
  pipeline: string,
  modelUrl: string,
  perThread: string,
  host?: VirtualHost,
): Promise<ChaosSystem> {
  const outdir = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
  const file = fileURLToPath(new URL(pipeline, import.meta.url))
  const settings = {
    SLUICE_CONFIG: host ? configOn('rabbitmq', file) : file,
    MODEL_URL: modelUrl,
    SLUICE_INVOCATIONS_PER_THREAD: perThread,
    ...(host && { AMQP_URL: host.url }),
  }
  const env: Readonly<Record<string, string>> = await onBackend(settings)
  const { SLUICE_CONFIG: config = settings.SLUICE_CONFIG } = env
  const { assembly } = await synthesize({ config, env, outdir })
  const system = await startLocal({ assembly, port: 0, dataDir: ':memory:', env, log: () => undefined })
  return {
    system,
    close: async () => {
      await system.close()
      rmSync(outdir, { recursive: true, force: true })
    },
  }
}
