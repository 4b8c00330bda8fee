import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Annotations, App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { type Bundles, bundleAll } from './bundle.ts'
import { ConfigError } from './config/finding.ts'
import { checkPipeline, warningLine } from './config/load.ts'
import { readFeatureFlags } from './feature-flags.ts'
import { IS_PACKAGE } from './installation.ts'
import { packagedBundles } from './packaged-bundles.ts'
import { SluiceStack } from './sluice-stack.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Makes an app with the feature flags of cdk.json, as the CDK's command line would, and with cdk-nag. cdk-nag fails a synthesis with
 * a finding that nobody has acknowledged. Without `outdir`, the command line chooses the output folder.
 */
export function createApp(outdir?: string): App {
  const app = new App({
    ...(outdir !== undefined && { outdir }),
    context: readFeatureFlags(),
    analyticsReporting: false,
    autoSynth: false,
  })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  return app
}

/** A value of the CDK's context can't be used. The message is one sentence. */
export class ContextError extends Error {}

/** What was made of the pipeline file before. */
interface Made {
  /** Without them, the functions are bundled. */
  readonly bundles?: Bundles | undefined
  /** The checked pipeline, as JSON. The file must still be the same. */
  readonly pipeline?: string | undefined
}

/**
 * Adds the stack of a pipeline file to an app and synthesizes it. Rejects with a `ConfigError` if the file has mistakes or was
 * changed meanwhile, with a `ContextError` if the context has mistakes, or with cdk-nag's findings.
 */
export async function synthesizeInto(
  app: App,
  config: string,
  env: Environment,
  { bundles: given, pipeline: expected }: Made = {},
): Promise<{ assembly: string; stackName: string }> {
  const protect = protectIn(app.node.tryGetContext('protect'))
  const { pipeline, warnings } = checkPipeline(config, env)
  if (expected !== undefined && JSON.stringify(pipeline) !== expected)
    throw new ConfigError([{ file: config, line: 1, column: 1, message: 'was changed while it was read: start again' }])
  const { backend } = pipeline.queue
  const bundles = given ?? (IS_PACKAGE ? packagedBundles(backend) : await bundleAll(backend))
  const assets = mkdtempSync(join(tmpdir(), 'sluice-assets-'))
  try {
    const stack = new SluiceStack(app, { pipeline, bundles, assets, protect })
    for (const warning of warnings) Annotations.of(stack).addWarningV2('sluice:config', warningLine(warning))
    return { assembly: app.synth().directory, stackName: stack.stackName }
  } finally {
    rmSync(assets, { recursive: true, force: true })
  }
}

/** Reads `-c protect=…`, which is a text, or the value of cdk.json. */
function protectIn(given: unknown): boolean {
  if (given === undefined || given === true || given === 'true') return true
  if (given === false || given === 'false') return false
  throw new ContextError(`-c protect must be true or false, not ${JSON.stringify(given)}`)
}

/** Synthesizes a pipeline file in this process. `assembly` is the folder with the template and its assets. */
export function synthesize(
  options: {
    config: string
    env: Environment
    outdir: string
  } & Made,
): Promise<{ assembly: string; stackName: string }> {
  return synthesizeInto(createApp(options.outdir), options.config, options.env, options)
}
