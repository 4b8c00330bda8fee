// Synthesizes in a process of its own, which then ends: synthesis takes half a gigabyte, and a thread would leave a part of it to the process.
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
  /** The hash of all that the bundles are made of. */
  readonly sources: string
}

export type SynthesizeMessage = 'done' | { readonly failed: string }

// The process that asked disconnects when it has its answer, or dies.
process.once('disconnect', () => process.exit())
process.once('message', async (input: SynthesizeInput) => {
  const answer = await synthesize(input)
  // Without a callback, Node would throw where nobody waits for the answer any more.
  process.send?.(answer, undefined, undefined, () => undefined)
})

async function synthesize({ sources, backend, ...input }: SynthesizeInput): Promise<SynthesizeMessage> {
  try {
    // Bundling is another process, so that it runs while this one imports the CDK.
    const bundles = IS_PACKAGE ? undefined : keptBundles(sources, backend)
    const { createLocalApp, synthesizeInto } = await import('./synthesize-into.ts')
    const { config, env, outdir, pipeline } = input
    await synthesizeInto(createLocalApp(outdir), config, env, { pipeline, bundles: await bundles })
    return 'done'
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
