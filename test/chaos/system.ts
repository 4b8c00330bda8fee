import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LocalSystem, startLocal } from '../../lib/local/system.ts'
import { synthesize } from '../../lib/synthesize.ts'
import { onBackend } from '../support/queue-backend.ts'

export interface ChaosSystem {
  readonly system: LocalSystem
  close(): Promise<void>
}

/** How many invocations share a thread: one, and as many as usual. */
export const INVOCATIONS_PER_THREAD = ['1', ''] as const

/** Runs a pipeline file of this folder in this process, whose threads a test can kill; its model is at `modelUrl`. */
export async function startChaosSystem(pipeline: string, modelUrl: string, perThread: string): Promise<ChaosSystem> {
  const outdir = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
  const settings = {
    SLUICE_CONFIG: fileURLToPath(new URL(pipeline, import.meta.url)),
    MODEL_URL: modelUrl,
    SLUICE_INVOCATIONS_PER_THREAD: perThread,
  }
  const env = await onBackend(settings)
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
