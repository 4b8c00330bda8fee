import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminOf } from '../../lib/cli/admin.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { localTarget } from '../../lib/cli/target.ts'
import type { LocalSystem } from '../../lib/local/system.ts'
import { createApiClient } from '../e2e/support/api-client.ts'
import { type Endpoint, echo, startEndpoint } from '../e2e/support/endpoint.ts'
import { submitAll } from '../e2e/support/load.ts'
import { QUEUE_BACKEND } from '../support/queue-backend.ts'
import { expectOrderInTheEnd } from './books.ts'
import { INVOCATIONS_PER_THREAD, startChaosSystem } from './system.ts'

const USER = 'chaos'
/** The number of simultaneous calls to the model. With RabbitMQ, one invocation runs at a time, and it has one batch. */
const CALLS = QUEUE_BACKEND === 'rabbitmq' ? 1 : 2

describe.each(INVOCATIONS_PER_THREAD)('with SLUICE_INVOCATIONS_PER_THREAD=%s', perThread => {
  let endpoint: Endpoint
  let system: LocalSystem
  let close: () => Promise<void>

  beforeAll(async () => {
    endpoint = await startEndpoint()
    ;({ system, close } = await startChaosSystem('batches.yaml', endpoint.url, perThread))
  })
  afterAll(async () => {
    await close?.()
    endpoint?.close()
  })

  it('each request of a batch whose worker was killed during the call completes and is charged exactly once', async () => {
    const admin = adminOf(localTarget(system))
    await setUser(admin, USER, {})
    const { created } = await createKey(admin, { user: USER })
    const client = createApiClient(system.apiUrl, created.key)
    const killed = Promise.withResolvers<void>()
    endpoint.reply('batched', async (response, call) => {
      await killed.promise
      return echo(response, call)
    })

    const ids = await submitAll(client, 'batched', Array(40).fill('one of a batch'))
    await expect.poll(() => endpoint.calls('batched').length, { timeout: 10_000 }).toBe(CALLS)
    const lost = endpoint.calls('batched').flatMap(({ inputs }) => inputs).length
    await killWorkers(system)
    killed.resolve()

    await expectOrderInTheEnd(admin, new Map([[USER, ids]]))
    const items = await Promise.all(ids.map(id => admin.items.get(USER, id)))
    expect(items.map(item => item?.status)).toEqual(Array(40).fill('completed'))
    // Each request of a killed batch may have caused the crash. So each of them gets a second attempt, and no crash is counted for any of them.
    expect(items.filter(item => item?.attempt === 2)).toHaveLength(lost)
    expect(items.map(item => item?.crashes)).toEqual(Array(40).fill(0))
    // The second attempt of each of these requests is a call without other requests.
    const again = endpoint.calls('batched').filter(({ inputs }) => inputs.length === 1)
    expect(again.length).toBeGreaterThanOrEqual(lost)
  })
})

/** Ends all threads of the worker that run an invocation. */
async function killWorkers({ functions }: LocalSystem): Promise<void> {
  const workers = [...functions.values()].filter(({ logicalId }) => logicalId.includes('batched'))
  await Promise.all(workers.flatMap(fn => fn.threads().map(({ id, busy }) => busy && fn.kill(id))))
}
