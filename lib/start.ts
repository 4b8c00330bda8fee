import { join } from 'node:path'
import { regionOf } from '../functions/core/platform/region.ts'
import { printable } from './cli/printable.ts'
import { ConfigError } from './config/finding.ts'
import { checkPipeline, warningLine } from './config/load.ts'
import type { Pipeline } from './config/schema.ts'
import { CACHE } from './installation.ts'
import { keptAssembly } from './kept-assembly.ts'
import { keptThreads } from './kept-threads.ts'
import { secretIn, variableName } from './local/aws-endpoint.ts'
import { LocalError } from './local/error.ts'
import { type DemoModel, startModel } from './local/model/server.ts'
import { type LocalSystem, startLocal } from './local/system.ts'
import { METRICS_EXPORT } from './local/troubles.ts'
import { createLocalMetrics, type LocalMetrics } from './metrics/local-metrics.ts'
import { pushMetrics } from './metrics/push-metrics.ts'
import { METRICS_PATH, metricsHandler } from './metrics/serve-metrics.ts'
import type * as Operate from './operate-local.ts'
import { unreachableModels } from './reach-models.ts'

type Environment = Record<string, string | undefined>
type Print = (line: string) => void

const MODEL_PORT = 8081

/** The progress of a start. `close` stops the system, and is undefined until functions run. */
interface Running {
  close?: () => Promise<void>
}

/** Runs the whole system on this machine until the promise `stopped` resolves, and then ends the process. `npm start` calls this. */
export async function main(env: Environment, stopped: Promise<undefined>): Promise<void> {
  const print: Print = line => void process.stdout.write(`${printable(line)}\n`)
  // With this umask, only the owner can read the files of the system. It also holds for files that threads and libraries
  // write, whatever the umask of the user's shell is.
  process.umask(0o077)
  try {
    const running: Running = {}
    const started = start(env, print, running)
    const system = await Promise.race([started, stopped])
    if (system) {
      await stopped
      print('stopping')
      await system.close()
    } else {
      // The stop came during the start. If functions already run, they are stopped in good order. If no function runs, the
      // process can simply end.
      await running.close?.()
    }
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${printable(describe(error))}\n`)
    process.exit(1)
  }
}

/** Starts the demo model and the system, makes a key for the demo user, and prints all addresses. */
async function start(env: Environment, print: Print, running: Running): Promise<{ close(): Promise<void> }> {
  const port = portOf(env)
  const compiling = keptThreads()
  const config = env.SLUICE_CONFIG || 'pipeline.yaml'
  // The pipeline file is checked before the demo model and the system start, so that mistakes are shown at once. At this
  // time, the demo model's address is not known. So the check uses the usual address of the demo model.
  const url = env.TEXT_MODEL_URL || predictUrl(`http://127.0.0.1:${MODEL_PORT}`)
  const { pipeline: checked, warnings } = checkPipeline(config, { ...env, TEXT_MODEL_URL: url })
  for (const warning of warnings) print(warningLine(warning))
  checkSecrets(checked, env)
  for (const line of signedForAws(checked)) print(line)
  const threads = await compiling
  const model = env.TEXT_MODEL_URL ? undefined : await startDemoModel(print, threads)
  const withModel = model ? { ...env, TEXT_MODEL_URL: predictUrl(model.url) } : env

  const { pipeline } = checkPipeline(config, withModel)
  const unreachable = unreachableModels(pipeline)
  const metrics = createLocalMetrics(Date.now)
  const operate = Promise.withResolvers<typeof Operate>()
  const system = await startLocal({
    observer: metrics.observer,
    assembly: dataDir => {
      print(`preparing the stack of ${config}`)
      const assembly = keptAssembly({ config, env: { ...withModel }, pipeline, outdir: join(dataDir, 'cdk.out') })
      // This import takes time, since it loads the clients of all services. It begins here, so that it runs while the emulators start in other threads.
      operate.resolve(import('./operate-local.ts'))
      return assembly
    },
    prepare: async (prepared, wasStopped) => {
      const { adminAt, recovered, refuseOtherQueues } = await operate.promise
      const admin = adminAt(prepared)
      await refuseOtherQueues(admin, prepared.dataDir, pipeline.queue.backend)
      for (const line of await recovered(admin, pipeline, wasStopped)) print(line)
    },
    kept: CACHE,
    threads,
    port,
    dataDir: env.SLUICE_DATA || '.sluice',
    env: withModel,
    log: print,
  })
  running.close = system.close
  const { adminAt, demoKey, mountConsole, DEMO_USER } = await operate.promise
  const stopMetrics = serveMetrics(metrics, system, pipeline.name, env)
  for (const line of await unreachable) print(line)
  const admin = adminAt(system)
  const key = await demoKey(system, admin)
  const consoleAt = mountConsole(system, admin, pipeline.name)
  for (const line of welcome(system, { user: DEMO_USER, key }, consoleAt)) print(line)
  return {
    async close() {
      await stopMetrics()
      await system.close()
      await model?.close()
    },
  }
}

/**
 * Serves the metrics at `/metrics`. If OTEL_EXPORTER_OTLP_ENDPOINT names a receiver, it also exports them to this receiver.
 * Returns the function that ends the export.
 */
function serveMetrics(
  metrics: LocalMetrics,
  system: LocalSystem,
  name: string,
  { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: Environment,
): () => Promise<void> {
  system.mount(METRICS_PATH, metricsHandler(metrics, system))
  const log = (line: string) => system.reportLine(METRICS_EXPORT, line)
  return endpoint ? pushMetrics(endpoint, { metrics, system, name, clock: Date.now }, log) : async () => undefined
}

function predictUrl(modelUrl: string): string {
  return `${modelUrl}/predict`
}

/** Refuses to start if a model's secret is missing, because the requests of the model would wait until they expire. */
function checkSecrets({ models }: Pipeline, env: Environment): void {
  for (const [name, { endpoint }] of Object.entries(models)) {
    const secret = endpoint.auth && 'secret' in endpoint.auth ? endpoint.auth.secret : undefined
    if (secret === undefined || secretIn(env, secret) !== undefined) continue
    const variable = variableName(secret)
    throw new LocalError(`models.${name} needs the secret ${secret}: set the variable ${variable} to it.`)
  }
}

/**
 * Returns a warning for each model whose calls are signed for AWS. In the local system, functions have invented
 * credentials, so that no call uses an AWS account by mistake. So AWS refuses the calls to these models.
 */
function signedForAws({ models }: Pipeline): string[] {
  return Object.entries(models).flatMap(([name, { endpoint }]) => {
    const { hostname } = new URL(endpoint.url)
    const isForAws = endpoint.auth && 'sigv4' in endpoint.auth && regionOf(hostname) !== undefined
    return isForAws
      ? [`models.${name}: ${hostname} will refuse its calls: on this machine they are signed with made-up credentials`]
      : []
  })
}

async function startDemoModel(print: Print, threads: URL | undefined): Promise<DemoModel> {
  const model = await startModel(MODEL_PORT, threads).catch(() => startModel(0, threads)) // If the usual port is taken, the model takes any free port (0).
  print(`demo model at ${model.url}`)
  return model
}

function welcome(
  { apiUrl, dataDir, endpoints }: LocalSystem,
  { user, key }: { user: string; key: string },
  consoleAt: string,
): string[] {
  const body = JSON.stringify({ prompt: 'The old lighthouse stood alone. Its lamp still burned brightly every night.' })
  return [
    '',
    `API        ${apiUrl}`,
    `console    ${consoleAt}`,
    `metrics    ${apiUrl}${METRICS_PATH}`,
    `SQS, S3    ${endpoints.sqs}`,
    `DynamoDB   ${endpoints.dynamodb}`,
    `RDS Data   ${endpoints.rds_data}`,
    `data, logs ${dataDir}`,
    '',
    `API key of the user ${user}: ${key}`,
    '',
    'Try it:',
    `curl -i ${apiUrl}/v1/inference -H 'X-API-Key: ${key}' -H 'Content-Type: application/json' -d '${body}'`,
    '',
    `ready ${apiUrl}`,
  ]
}

function portOf({ PORT = '8080' }: Environment): number {
  const port = Number(PORT)
  if (/^\d+$/.test(PORT) && port <= 65_535) return port
  throw new LocalError(
    `PORT must be a number from 0 to 65535, where 0 picks a free one; it is ${JSON.stringify(PORT)}.`,
  )
}

function describe(error: unknown): string {
  if (error instanceof ConfigError || error instanceof LocalError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
