import { Annotations, App } from 'aws-cdk-lib'
import { type Bundles, bundleAll } from './bundle.ts'
import { ConfigError } from './config/finding.ts'
import { checkPipeline, warningLine } from './config/load.ts'
import { readFeatureFlags } from './feature-flags.ts'
import { IS_PACKAGE } from './installation.ts'
import { packagedBundles } from './packaged-bundles.ts'
import { SluiceStack } from './sluice-stack.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Makes an app for the local system: without cdk-nag and without the CDK's own validation of templates. Both check
 * deployments, and take most of the time of a synthesis. A deployment and the tests use both (synthesize.ts).
 */
export const createLocalApp = (outdir: string): App =>
  new App({
    outdir,
    context: readFeatureFlags(),
    analyticsReporting: false,
    autoSynth: false,
    builtinCloudFormationValidation: false,
  })

/** Says that a value of the CDK's context can't be used. The message is one sentence. */
export class ContextError extends Error {}

/** The results that were already made from the pipeline file. */
export interface Made {
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
  const stack = new SluiceStack(app, { pipeline, bundles, protect })
  for (const warning of warnings) Annotations.of(stack).addWarningV2('sluice:config', warningLine(warning))
  return { assembly: app.synth().directory, stackName: stack.stackName }
}

/** Reads the text of `-c protect=…`, or the value in cdk.json. */
function protectIn(given: unknown): boolean {
  if (given === undefined || given === true || given === 'true') return true
  if (given === false || given === 'false') return false
  throw new ContextError(`-c protect must be true or false, not ${JSON.stringify(given)}`)
}
