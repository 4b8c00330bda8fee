import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import { REGION } from './arn.ts'
import { readAssembly, type Template } from './assembly.ts'
import { startAwsEndpoint } from './aws-endpoint.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { startEmulators } from './emulators/start.ts'
import { LocalError } from './error.ts'
import { type HttpServer, startHttpServer } from './http-api/server.ts'
import type { LocalFunction } from './lambda/function.ts'
import type { InvocationResult } from './lambda/protocol.ts'
import { apiAddress } from './resources/http-api.ts'
import { createResource } from './resources/index.ts'
import type { Activity, System } from './resources/resource.ts'
import { secretsGranted } from './secrets-granted.ts'
import { createStack } from './stack.ts'
import { credentialsOf, newAccessKeyId } from './trust/access-key.ts'

export interface LocalOptions {
  /**
   * A synthesized folder: `<Stack>.template.json`, `*.assets.json` and the assets; or what makes one, given the data folder
   * once that and the port are known to be free. The emulators start meanwhile.
   */
  assembly: string | ((dataDir: string) => Promise<string>)
  /** 0 picks one. */
  port: number
  /** The folder that keeps the state, or `:memory:`. */
  dataDir: string
  /** Where `DATABASE_URL` and the values of secrets come from. */
  env: Record<string, string | undefined>
  /** Progress, and what goes wrong in a function: one line each. */
  log(line: string): void
}

export interface LocalSystem {
  /** `http://127.0.0.1:PORT` */
  apiUrl: string
  outputs: Record<string, string>
  endpoints: System['endpoints']
  /** Random, of this run: what stands for AWS answers those who sign with it. */
  accessKeyId: string
  /** The absolute path of the folder with `local.json` and the logs. */
  dataDir: string
  /** By logical id. */
  functions: ReadonlyMap<string, LocalFunction>
  /** Runs a function of the template with an event. */
  invoke(logicalId: string, event: unknown): Promise<InvocationResult>
  /** Stops everything; running invocations get a few seconds to end. Calling it again changes nothing. */
  close(): Promise<void>
}

/** For what runs when the system stops. */
const GRACE_MS = 5000

/**
 * Runs a synthesized stack on this machine and resolves when it answers. Throws LocalError, with one clear sentence,
 * for what its user can put right; nothing is left running then.
 */
export async function startLocal(options: LocalOptions): Promise<LocalSystem> {
  const running = new AsyncDisposableStack()
  let closing: Promise<void> | undefined
  const close = () => {
    // What can't be closed properly ends with the process; the others have been closed all the same.
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
  // What is refused most often comes first: another one that runs.
  const http = await startHttpServer(options.port)
  running.defer(() => http.close(0))
  const data = openDataFolder(options.dataDir)
  running.defer(data.close)

  const system = await openSystem(options, data, running)
  const activities: Activity[] = []
  running.defer(async () => {
    await Promise.all([http.close(GRACE_MS), stop(system, activities)])
  })
  const outputs = await createStack({
    stackName: system.stackName,
    template: system.template,
    create: declared => createResource(declared, system),
    localize: text => withLocalAddresses(text, system, http),
  })
  activities.push(...system.activities.map(begin => begin()))
  serveApi(system, http)

  const { endpoints, accessKeyId } = system
  data.writeJson('local.json', { apiUrl: http.url, pid: process.pid, outputs, endpoints, accessKeyId })
  running.defer(() => data.remove('local.json'))

  const functions = new Map([...system.functions.values()].map(found => [found.logicalId, found]))
  return {
    apiUrl: http.url,
    outputs,
    endpoints,
    accessKeyId,
    dataDir: data.path,
    functions,
    invoke(logicalId, event) {
      const found = functions.get(logicalId)
      if (!found) throw new LocalError(`The template has no function ${logicalId}.`)
      return found.invoke(event)
    },
  }
}

/** The emulators, their clients, and the template that will be created on them. */
async function openSystem(
  { assembly, env, log }: LocalOptions,
  data: DataFolder,
  running: AsyncDisposableStack,
): Promise<System & { template: Template }> {
  const accessKeyId = newAccessKeyId()
  const aws = await startAwsEndpoint(env, accessKeyId)
  running.defer(aws.close)
  const emulators = startEmulators({ data, accessKeyId, databaseUrl: env.DATABASE_URL, log })
  running.defer(emulators.close)

  const makeAssembly = async () => (typeof assembly === 'string' ? assembly : assembly(data.path))
  const [folder, endpoints] = await Promise.all([makeAssembly(), emulators.endpoints])
  const { stackName, template, assetFolder } = readAssembly(folder)
  aws.grant(secretsGranted(template))
  log(`creating ${Object.keys(template.Resources).length} resources of ${stackName}`)

  const credentials = credentialsOf(accessKeyId)
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region: REGION, credentials })
  running.defer(() => sqs.destroy())
  const dynamodb = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: REGION, credentials })
  running.defer(() => dynamodb.destroy())
  return {
    stackName,
    template,
    log,
    data,
    assetFolder,
    endpoints,
    accessKeyId,
    sqs,
    dynamodb,
    aws,
    functions: new Map(),
    api: { integrations: new Map(), authorizers: new Map(), routes: [] },
    activities: [],
  }
}

function serveApi({ api }: System, http: HttpServer): void {
  if (!api.declared) return
  http.serve({ ...api.declared, stage: api.stage ?? '$default', routes: api.routes })
}

/** Some texts are composed of an address that a service has on AWS. */
function withLocalAddresses(text: string, { api, endpoints }: System, http: HttpServer): string {
  const localized = text.replaceAll(`https://sqs.${REGION}.amazonaws.com`, endpoints.sqs)
  return api.declared ? localized.replaceAll(apiAddress(api.declared.apiId), http.url) : localized
}

async function stop({ functions }: System, active: readonly Activity[]): Promise<void> {
  await Promise.all(active.map(activity => activity.stop()))
  await Promise.all([...functions.values()].map(found => found.close(GRACE_MS)))
  await Promise.all(active.map(activity => activity.finished()))
}
