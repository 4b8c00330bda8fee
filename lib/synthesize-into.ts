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
 * Makes an app for the local system. It leaves out cdk-nag (a package that checks templates for insecure settings) and the
 * CDK's own validation of templates. Both take most of the time of a synthesis, and find only mistakes that matter in AWS.
 * Deployments and tests use both (synthesize.ts).
 */
export const createLocalApp = (outdir: string): App =>
  new App({
    outdir,
    context: readFeatureFlags(),
    analyticsReporting: false,
    autoSynth: false,
    builtinCloudFormationValidation: false,
  })

/** The error for a value in the CDK's context that can't be used, such as `-c protect=maybe`. The message is one sentence. */
export class ContextError extends Error {}

/** Results that the caller has already made. */
export interface Made {
  /** The code of the functions. If it is missing, the functions are bundled. */
  readonly bundles?: Bundles | undefined
  /**
   * The checked pipeline, as JSON. If the pipeline file has another content at the synthesis, the synthesis fails. Otherwise
   * the functions could run with another pipeline than the one that was checked.
   */
  readonly pipeline?: string | undefined
}

/**
 * Adds the stack of a pipeline file to an app and synthesizes the app. Rejects with a `ConfigError` if the file has mistakes, or was
 * changed since it was checked. Rejects with a `ContextError` if the context has mistakes, and with cdk-nag's findings if there are any.
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

/** Reads whether the stack is protected from deletion: from the command line (`-c protect=…`), which gives a text, or from cdk.json. */
function protectIn(given: unknown): boolean {
  if (given === undefined || given === true || given === 'true') return true
  if (given === false || given === 'false') return false
  throw new ContextError(`-c protect must be true or false, not ${JSON.stringify(given)}`)
}
