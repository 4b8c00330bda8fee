import { join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { REGION } from './arn.ts'
import { readAssembly, type Template } from './assembly.ts'
import { startAwsEndpoint } from './aws-endpoint.ts'
import { connector } from './connect.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { deepHealth } from './deep-health.ts'
import { type Emulators, startEmulators } from './emulators/start.ts'
import { LocalError } from './error.ts'
import { refuseOtherDatabase, refuseOtherKind } from './filled-with.ts'
import { type Handler, type HttpServer, startHttpServer } from './http-api/server.ts'
import type { LocalFunction } from './lambda/function.ts'
import { openLogFile } from './lambda/log-file.ts'
import { troubleIn } from './lambda/log-line.ts'
import type { InvocationResult } from './lambda/protocol.ts'
import { type StartThread, startThread } from './lambda/thread.ts'
import { NO_OBSERVER, type Observer, type QueueState } from './observer.ts'
import { USUAL_BROKER } from './rabbitmq/broker.ts'
import { queuesOfBroker } from './rabbitmq/queue-states.ts'
import { apiAddress } from './resources/http-api.ts'
import { createResource } from './resources/index.ts'
import type { Activity, System } from './resources/resource.ts'
import { readSecrets } from './secrets-file.ts'
import { secretsGranted } from './secrets-granted.ts'
import { createStack } from './stack.ts'
import { deleteLeftFolders } from './temporary-folder.ts'
import { createTroubles, type Troubles } from './troubles.ts'
import { credentialsOf, newAccessKeyId } from './trust/access-key.ts'
import { AWS_FILE, type AwsFile } from './trust/aws-file.ts'

export interface LocalOptions {
  /**
   * A synthesized folder (`<Stack>.template.json`, `*.assets.json` and the assets), or a function that makes such a folder in the data folder.
   * The function is called when this process has the data folder and the port. The emulators start while the function runs.
   */
  assembly: string | ((dataDir: string) => Promise<string>)
  /** The port of the API. With 0, the system gets a free port. */
  port: number
  /** The folder for the state, or `:memory:` for a system that keeps no state. */
  dataDir: string
  /** A folder in which the local system keeps an empty database, to copy it into new data folders. Default: it keeps none. */
  kept?: string
  /** A folder with the compiled files that threads run first. Default: threads run the modules of `lib/local` themselves. */
  threads?: URL | undefined
  /** Contains `DATABASE_URL`, `AMQP_URL`, `SLUICE_INVOCATIONS_PER_THREAD` and the values of secrets. */
  env: Record<string, string | undefined>
  /** Is called with each line about the progress, or about a failure in a function. */
  log(line: string): void
  /**
   * Is called when all resources exist, and before any function runs by itself or for a client. At that time, no function of an earlier run
   * is left. So `prepare` may end the leases that the earlier run has left, i.e. rights with an end time, such as a worker's right to run a request
   * (ADR 0050). `wasStopped` is true if the earlier run was closed. It is false if its process died, or if there was no earlier run.
   */
  prepare?(system: PreparedSystem, wasStopped: boolean): Promise<void>
  /** Is told of each invocation, answer and received message, to count them. Default: nothing is counted. */
  observer?: Observer
  /** Starts the environment in which a function runs. Default: a thread of this process. A test uses Lambda's own runtime client instead. */
  startThread?: StartThread
}

/** The addresses of a system that does not answer clients yet. */
export type PreparedSystem = Pick<LocalSystem, 'outputs' | 'endpoints' | 'accessKeyId' | 'otherServices' | 'dataDir'>

export interface LocalSystem {
  /** `http://127.0.0.1:PORT` */
  apiUrl: string
  outputs: Record<string, string>
  endpoints: System['endpoints']
  /** A random id for each run. The emulators answer only callers that sign with this id. */
  accessKeyId: string
  /** The address that answers Lambda's Invoke, and refuses calls to AWS's other services. */
  otherServices: string
  /** The absolute path of the folder with `local.json` and the logs. */
  dataDir: string
  /** The functions by logical id. */
  functions: ReadonlyMap<string, LocalFunction>
  /** Invokes a function of the template with an event. */
  invoke(logicalId: string, event: unknown): Promise<InvocationResult>
  /** Lets `handler` answer all calls of `path` on the API's address, and all calls of paths below it. */
  mount(path: string, handler: Handler): void
  /** The queues of the stack, as they are now. */
  queues(): Promise<QueueState[]>
  /** Shows a warning on the terminal, as those of functions. `line` is a line of a log, as JSON. */
  reportLine(source: string, line: string): void
  /** Stops everything. Running invocations have a few seconds to end. A second call does nothing. */
  close(): Promise<void>
}

/**
 * This file in the data folder says that the last system was closed and no function runs. A system writes the file at its end, and deletes it before its
 * functions run. If the process dies while functions run, the file is missing, and the next start knows that a request may have crashed the process. Then
 * each request that was running runs next without other requests in its thread, so that another crash interrupts no other request.
 */
const STOPPED_FILE = 'stopped.json'

/** When the system stops, running invocations have this time to end. Milliseconds. */
const GRACE_MS = 5000

/**
 * Runs a synthesized stack on this machine, and resolves when the stack answers. If the start fails and the user can fix the reason, it throws
 * LocalError with one clear sentence. After a failed start, nothing is left running.
 */
export async function startLocal(options: LocalOptions): Promise<LocalSystem> {
  const running = new AsyncDisposableStack()
  let closing: Promise<void> | undefined
  const close = () => {
    // If one part can't be closed, the other parts are closed nevertheless. The part itself ends with the process.
    closing ??= running.disposeAsync().catch(() => {})
    return closing
  }
  try {
    return { ...(await start(options, running)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function start(options: LocalOptions, running: AsyncDisposableStack): Promise<Omit<LocalSystem, 'close'>> {
  // The port is opened first: the most frequent mistake is that another system runs already, and then the start fails before it has done anything.
  const http = await startHttpServer(options.port, status => options.observer?.answered(status))
  running.defer(() => http.close(0))
  const data = openDataFolder(options.dataDir)
  running.defer(data.close)
  deleteLeftFolders()
  refuseOtherKind(data, options.env.DATABASE_URL)
  // This call throws if the secrets file is damaged. So a start with a damaged file fails before the emulators start.
  readSecrets(data.path)

  const system = await openSystem(options, data, running)
  const { endpoints, accessKeyId } = system
  const noteDatabase = await refuseOtherDatabase(data, options.env.DATABASE_URL, {
    url: endpoints.rds_data,
    accessKeyId,
  })
  const activities: Activity[] = []
  let mayRunFunctions = false
  running.defer(async () => {
    await Promise.all([http.close(GRACE_MS), stop(system, activities)])
    // No invocation is left here, so the file may be written. If this start failed before functions could run, the file stays as the last run left it.
    if (mayRunFunctions) data.writeJson(STOPPED_FILE, { stopped: true })
  })
  const outputs = await createStack({
    stackName: system.stackName,
    template: system.template,
    create: declared => createResource(declared, system),
    localize: text => withLocalAddresses(text, system, http),
  })
  noteDatabase()
  const prepared = { outputs, endpoints, accessKeyId, otherServices: system.aws.url, dataDir: data.path }
  await options.prepare?.(prepared, data.readJson(STOPPED_FILE) !== undefined)
  // The functions of custom resources, such as the migrator, have no more work until the next start. So their threads end.
  for (const one of system.functions.values()) one.endIdle()
  // Functions run from here on. If this process dies, a request may be the reason. So the next start must not find the file of a clean stop. Otherwise it
  // would run this request together with others again.
  data.remove(STOPPED_FILE)
  mayRunFunctions = true
  activities.push(...system.activities.map(begin => begin()))
  // The functions of the API start their threads at once, so that the first request need not wait for a thread.
  for (const called of system.api.functions) called.warm()
  serveApi(system, http)

  // AWS_FILE is written before local.json. So a program that finds local.json finds AWS_FILE, too.
  data.writeJson(AWS_FILE, { accessKeyId, otherServices: system.aws.url } satisfies AwsFile)
  running.defer(() => data.remove(AWS_FILE))
  data.writeJson('local.json', { apiUrl: http.url, pid: process.pid, outputs, endpoints })
  running.defer(() => data.remove('local.json'))

  const functions = new Map([...system.functions.values()].map(found => [found.logicalId, found]))
  return {
    ...prepared,
    apiUrl: http.url,
    functions,
    mount: http.mount,
    queues: async () => [
      ...(await system.queueStates(system.queues)),
      ...(await queuesOfBroker(system.brokerUrl, system.brokerQueues)),
    ],
    reportLine(source, line) {
      const trouble = troubleIn(line)
      if (trouble) system.troubles.report(source, trouble)
    },
    invoke(logicalId, event) {
      const found = functions.get(logicalId)
      if (!found) throw new LocalError(`The template has no function ${logicalId}.`)
      return found.invoke(event)
    },
  }
}

/** Starts the emulators, makes their clients, and reads the template. */
async function openSystem(
  options: LocalOptions,
  data: DataFolder,
  running: AsyncDisposableStack,
): Promise<System & { template: Template; queueStates: Emulators['queues'] }> {
  const { assembly, env, log } = options
  const invocationsPerThread = invocationsPerThreadOf(env)
  const accessKeyId = newAccessKeyId()
  const aws = await startAwsEndpoint(env, accessKeyId)
  running.defer(aws.close)
  const { kept, threads } = options
  const emulators = startEmulators({ data, accessKeyId, databaseUrl: env.DATABASE_URL, kept, threads, log })
  running.defer(emulators.close)

  const makeAssembly = async () => (typeof assembly === 'string' ? assembly : assembly(data.path))
  const [folder, endpoints] = await Promise.all([makeAssembly(), emulators.endpoints])
  const { stackName, template, assetFolder } = readAssembly(folder)
  aws.grant(secretsGranted(template))
  const functions: System['functions'] = new Map()
  aws.invokes(functions)
  log(`creating ${Object.keys(template.Resources).length} resources of ${stackName}`)

  const metricsFile = openLogFile(join(data.path, 'logs', 'metrics.jsonl'))
  running.defer(metricsFile.close)
  const troubles = createTroubles(log, Date.now)
  running.defer(showing(troubles))
  const credentials = credentialsOf(accessKeyId)
  const connect = connector(emulators.connect())
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region: REGION, credentials })
  connect(sqs)
  running.defer(() => sqs.destroy())
  const dynamodb = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: REGION, credentials })
  running.defer(() => dynamodb.destroy())
  return {
    stackName,
    template,
    log,
    troubles,
    metricsFile,
    observer: options.observer ?? NO_OBSERVER,
    queues: [],
    brokerQueues: [],
    queueStates: emulators.queues,
    data,
    assetFolder,
    endpoints,
    otlpEndpoint: otlpEndpointOf(env),
    accessKeyId,
    sqs,
    endWaits: emulators.endWaits,
    brokerUrl: env.AMQP_URL || USUAL_BROKER,
    dynamodb,
    aws,
    startThread: options.startThread ?? (thread => startThread({ ...thread, connect: emulators.connect, threads })),
    invocationsPerThread,
    functions,
    api: { integrations: new Map(), authorizers: new Map(), functions: new Set(), routes: [] },
    activities: [],
  }
}

/** The default is that of Lambda's managed instances, per virtual CPU. Usually the local system runs far fewer invocations at a time. */
const INVOCATIONS_PER_THREAD = '64'

/** Reads the number of invocations per thread. Throws LocalError if the variable is no whole number from 1 to 1000. */
function invocationsPerThreadOf({ SLUICE_INVOCATIONS_PER_THREAD: text }: LocalOptions['env']): number {
  const count = Number(text || INVOCATIONS_PER_THREAD)
  if (Number.isInteger(count) && count >= 1 && count <= 1_000) return count
  throw new LocalError(
    `SLUICE_INVOCATIONS_PER_THREAD must be a whole number from 1 to 1000; it is ${JSON.stringify(text)}.`,
  )
}

/** Reads OpenTelemetry's variable for the address of a receiver. Throws LocalError if its value is no URL. */
function otlpEndpointOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: LocalOptions['env']): string | undefined {
  if (!endpoint) return undefined
  if (/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)) return endpoint
  throw new LocalError(
    'OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, such as http://127.0.0.1:4318, where a receiver of OTLP/HTTP listens.',
  )
}

/** Checks once per second which warnings and errors are over, and shows these on the terminal. Returns a function that stops this. */
function showing(troubles: Troubles): () => void {
  const timer = setInterval(troubles.tick, 1_000)
  return () => {
    clearInterval(timer)
    troubles.close()
  }
}

function serveApi(system: System, http: HttpServer): void {
  const { api } = system
  if (!api.declared) return
  http.serve({ ...api.declared, stage: api.stage ?? '$default', routes: api.routes }, deepHealth(system))
}

/** Replaces the addresses of AWS services in a text by their local addresses. */
function withLocalAddresses(text: string, { api, endpoints }: System, http: HttpServer): string {
  const localized = text.replaceAll(`https://sqs.${REGION}.amazonaws.com`, endpoints.sqs)
  return api.declared ? localized.replaceAll(apiAddress(api.declared.apiId), http.url) : localized
}

async function stop({ functions }: System, active: readonly Activity[]): Promise<void> {
  await Promise.all(active.map(activity => activity.stop()))
  await Promise.all([...functions.values()].map(found => found.close(GRACE_MS)))
  await Promise.all(active.map(activity => activity.finished()))
}
