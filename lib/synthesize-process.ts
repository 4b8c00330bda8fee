// The synthesis runs in a process of its own, which then ends. It takes half a gigabyte of memory. If a thread of the local system did this work,
// the local system would keep a part of this memory.
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
  /** The hash of all sources of the bundles (`hashOfSources`). */
  readonly sources: string
}

export type SynthesizeMessage = 'done' | { readonly failed: string }

// The parent process disconnects when it has the answer, and also when it is killed. In both cases, this process has no more work.
process.once('disconnect', () => process.exit())
process.once('message', async (input: SynthesizeInput) => {
  const answer = await synthesize(input)
  // The parent process may have ended, so the send may fail. The empty callback takes the error. Without a callback, Node would throw it.
  process.send?.(answer, undefined, undefined, () => undefined)
})

async function synthesize({ sources, backend, ...input }: SynthesizeInput): Promise<SynthesizeMessage> {
  try {
    // esbuild bundles the functions in another process. So the bundling begins first, and this process imports the CDK in the meantime.
    const bundles = IS_PACKAGE ? undefined : keptBundles(sources, backend)
    const { createLocalApp, synthesizeInto } = await import('./synthesize-into.ts')
    const { config, env, outdir, pipeline } = input
    await synthesizeInto(createLocalApp(outdir), config, env, { pipeline, bundles: await bundles })
    return 'done'
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
