import { Aspects } from 'aws-cdk-lib'
import { ConfigError } from '../lib/config/finding.ts'
import { loopbackWarning } from '../lib/loopback-warning.ts'
import { createApp } from '../lib/synthesize.ts'
import { ContextError, synthesizeInto } from '../lib/synthesize-into.ts'

const app = createApp()
Aspects.of(app).add(loopbackWarning)
const config = app.node.tryGetContext('config') ?? process.env.SLUICE_CONFIG ?? 'pipeline.yaml'
try {
  await synthesizeInto(app, config, process.env)
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof ContextError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
