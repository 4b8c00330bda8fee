// Synthesizes in its own thread, because synthesis takes half a gigabyte and some seconds of a core. The thread then
// ends, which frees the memory.
import { parentPort, workerData } from 'node:worker_threads'
import type { QueueBackend } from './bundle.ts'
import { IS_PACKAGE } from './installation.ts'
import { keptBundles } from './kept-bundles.ts'

export interface SynthesizeInput {
  readonly config: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly outdir: string
  readonly backend: QueueBackend
  /** The checked pipeline, as JSON. */
  readonly pipeline: string
  /** The hash of all sources of the bundles. */
  readonly sources: string
}

export type SynthesizeMessage = 'done' | { readonly failed: string }

// An error of a thread's first file would arrive without its message, so this file sends it.
try {
  const { sources, backend, ...input } = workerData as SynthesizeInput
  // Bundling runs in another process, so it runs while this thread imports the CDK.
  const bundles = IS_PACKAGE ? undefined : keptBundles(sources, backend)
  const { createLocalApp, synthesizeInto } = await import('./synthesize-into.ts')
  const { config, env, outdir, pipeline } = input
  await synthesizeInto(createLocalApp(outdir), config, env, { pipeline, bundles: await bundles })
  tell('done')
} catch (error) {
  tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

function tell(message: SynthesizeMessage): void {
  parentPort?.postMessage(message)
}
