import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { type Bundle, type EntryPoint, entryPointsOf } from '../bundle.ts'
import type { Pipeline } from '../config/schema.ts'
import { readFeatureFlags } from '../feature-flags.ts'
import { SluiceStack } from '../sluice-stack.ts'
import type { Template } from './inventory.ts'

/** A bundle without code. The cost of a stack does not depend on the code of the functions, so nothing is bundled, which saves time. */
const EMPTY: Bundle = { files: new Map([['index.mjs', new Uint8Array()]]), hash: '', packages: [] }
const emptyBundles = Object.fromEntries(entryPointsOf('rabbitmq').map(name => [name, EMPTY])) as Record<
  EntryPoint,
  Bundle
>

/** Returns the template of a pipeline's stack. */
export function templateOf(pipeline: Pipeline): Template {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cost-'))
  try {
    const context = readFeatureFlags()
    const app = new App({ outdir: folder, context, analyticsReporting: false, autoSynth: false })
    const { stackName } = new SluiceStack(app, { pipeline, bundles: emptyBundles })
    return app.synth().getStackByName(stackName).template
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
