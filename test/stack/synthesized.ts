import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aspects } from 'aws-cdk-lib'
import { type Bundles, entryPointsOf } from '../../lib/bundle.ts'
import { parsePipeline } from '../../lib/config/load.ts'
import { loopbackWarning } from '../../lib/loopback-warning.ts'
import { SluiceStack } from '../../lib/sluice-stack.ts'
import { createApp } from '../../lib/synthesize.ts'

/** Two models that differ in all settings of a worker. */
export const PIPELINE = `
name: Shop-1
queue: { expire_after: 4h }
quotas:
  window: hour
  default_plan: free
  plans:
    free: { requests: 100, tokens: 10000, in_flight: 20, priorities: [normal] }
routing:
  - { when: 'model_type = "image"', model: image }
  - { model: text }
models:
  text:
    endpoint: { url: "http://text.example.com/predict", timeout: 60s }
    request: '{ "model_input": prompt }'
    response: '{ "result": result }'
    concurrency: 10
  image:
    endpoint: { url: "https://image.example.com/", timeout: 14m, headers: { X-Team: shop }, auth: { secret: prod/IMAGE_KEY } }
    request: '{ "text": prompt }'
    response: '{ "result": image }'
    concurrency: { high: 40, normal: 7 }
observability: { log_level: WARN, namespace: Shop, store_prompts: false, fields: { environment: test } }
`

export interface Resource {
  readonly Metadata?: Readonly<Record<string, unknown>>
  readonly Type: string
  readonly Properties: Record<string, unknown>
  readonly DependsOn?: readonly string[]
  readonly DeletionPolicy?: string
  readonly UpdateReplacePolicy?: string
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>
}

// A bundle with stub code. The constructs do not depend on the code of functions, and test/stack/bundle.test.ts tests real bundles.
const bundle = {
  files: new Map([['index.mjs', Buffer.from('export const handler = () => {}')]]),
  hash: 'abc',
  packages: [],
}
export const STUB_BUNDLES = Object.fromEntries(
  entryPointsOf('rabbitmq').map(name => [name, bundle]),
) as unknown as Bundles

export interface Synthesized {
  readonly template: Template
  readonly terminationProtection: boolean | undefined
  /** The warnings of the CDK’s command line. */
  readonly warnings: readonly string[]
  /** The content of `settings.json` beside a function’s code. */
  settings(logicalId: string): unknown
}

interface SynthesizeOptions {
  /** Synthesize as `cdk synth` does. */
  readonly forDeployment?: boolean
  readonly bundles?: Bundles
  /** The value of `-c protect=`. */
  readonly protect?: boolean
  /** The values of `-c KEY=VALUE`. */
  readonly context?: Readonly<Record<string, string>>
}

/** Synthesizes a pipeline text with stub code, and with all validations. */
export function synthesizeText(text: string, options: SynthesizeOptions = {}): Synthesized {
  const { forDeployment = false, protect = true, bundles = STUB_BUNDLES, context = {} } = options
  const folder = mkdtempSync(join(tmpdir(), 'sluice-stack-'))
  try {
    const app = createApp(join(folder, 'out'))
    for (const [key, value] of Object.entries(context)) app.node.setContext(key, value)
    if (forDeployment) Aspects.of(app).add(loopbackWarning)
    const pipeline = parsePipeline(text, {}, 'test.yaml')
    const { stackName } = new SluiceStack(app, { pipeline, bundles, protect })
    const assembly = app.synth()
    const stack = assembly.getStackByName(stackName)
    const template: Template = stack.template
    const { terminationProtection, messages } = stack
    const warnings = messages.filter(({ level }) => level === 'warning').map(({ entry }) => String(entry.data))
    const settings = new Map(
      Object.entries(template.Resources)
        .filter(([, { Type }]) => Type === 'AWS::Lambda::Function')
        .map(([id, { Properties }]) => [id, readSettings(assembly.directory, Properties)]),
    )
    return { template, terminationProtection, warnings, settings: id => settings.get(id) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The folder of the assembly that has the code of a function. Its name contains the S3 key of the function's code. */
export const assetFolder = (assembly: string, properties: Record<string, unknown>): string =>
  join(assembly, `asset.${(properties.Code as { S3Key: string }).S3Key.replace(/\.zip$/, '')}`)

function readSettings(assembly: string, properties: Record<string, unknown>): unknown {
  try {
    return JSON.parse(readFileSync(join(assetFolder(assembly, properties), 'settings.json'), 'utf8'))
  } catch {
    return undefined
  }
}
