import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { readFeatureFlags } from './feature-flags.ts'
import { type Environment, type Made, synthesizeInto } from './synthesize-into.ts'

/**
 * Makes an app with the feature flags of cdk.json, as the CDK's command line does, and with cdk-nag (a package that checks
 * templates for insecure settings). If cdk-nag has a finding that the code does not acknowledge, the synthesis fails.
 * Without `outdir`, the CDK's command line chooses the output folder.
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
