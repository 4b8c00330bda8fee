import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminOf } from '../../lib/cli/admin.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { localTarget } from '../../lib/cli/target.ts'
import { type LocalSystem, startLocal } from '../../lib/local/system.ts'
import { synthesize } from '../../lib/synthesize.ts'
import { type ApiClient, createApiClient } from '../e2e/support/api-client.ts'
import { type Endpoint, startEndpoint } from '../e2e/support/endpoint.ts'
import { runtimeClient } from './client.ts'
import { type Observer, startRuntime } from './runtime.ts'

/** A local system whose functions run on Lambda's own runtime client, with a model endpoint and a client of the user `u1`. */
export interface SystemOnLambda {
  readonly system: LocalSystem
  readonly endpoint: Endpoint
  readonly api: ApiClient
  close(): Promise<void>
}

/**
 * Starts a system. `pipeline` is the text of its pipeline.yaml, in which `${MODEL_URL}` is the model endpoint. Each process runs at most
 * `invocationsPerProcess` invocations at the same time.
 */
export async function startOnLambda(
  pipeline: string,
  invocationsPerProcess: number,
  observer: Observer,
): Promise<SystemOnLambda> {
  const client = runtimeClient()
  const endpoint = await startEndpoint()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-lambda-'))
  const config = join(folder, 'pipeline.yaml')
  writeFileSync(config, pipeline)
  const env = { MODEL_URL: `${endpoint.url}/text`, SLUICE_INVOCATIONS_PER_THREAD: String(invocationsPerProcess) }
  const { assembly } = await synthesize({ config, env, outdir: join(folder, 'out') })
  const system = await startLocal({
    assembly,
    port: 0,
    dataDir: ':memory:',
    env,
    log: () => {},
    startThread: options => startRuntime(client, options, observer),
  })
  const { created } = await createKey(adminOf(localTarget(system)), { user: 'u1' })
  return {
    system,
    endpoint,
    api: createApiClient(system.apiUrl, created.key),
    async close() {
      await system.close()
      endpoint.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
