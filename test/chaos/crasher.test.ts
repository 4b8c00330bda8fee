import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isTerminal } from '../../functions/core/domain/item.ts'
import { type Admin, adminOf } from '../../lib/cli/admin.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { localTarget } from '../../lib/cli/target.ts'
import type { LocalSystem } from '../../lib/local/system.ts'
import { createApiClient } from '../e2e/support/api-client.ts'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { QUEUE_BACKEND } from '../support/queue-backend.ts'
import { INVOCATIONS_PER_THREAD, startChaosSystem } from './system.ts'

const VICTIM = 'victim'
const ATTACKER = 'attacker'
/** The number of simultaneous invocations of the worker. With RabbitMQ, an event source mapping runs one invocation at a time. */
const INVOCATIONS = QUEUE_BACKEND === 'rabbitmq' ? 1 : 5
/**
 * Prompts that keep all invocations of the worker busy. Meanwhile, the messages of the other prompts gather in the queue. So the hostile request and
 * innocent requests are then in one invocation, and the crash concerns both.
 */
const PLUGS = Array.from({ length: INVOCATIONS }, (_, i) => `plug ${i}`)
const INNOCENTS = Array.from({ length: 9 }, (_, i) => `innocent ${i}`)
/** The messages of a crashed worker are delivered again after 80 s: the worker's timeout of 50 s, and 30 s more. The rest is for a slow machine. */
const NOTICED_MS = 110_000

describe.each(INVOCATIONS_PER_THREAD)('with SLUICE_INVOCATIONS_PER_THREAD=%s', perThread => {
  let model: TestModel
  let system: LocalSystem
  let close: () => Promise<void>

  beforeAll(async () => {
    model = await startTestModel()
    ;({ system, close } = await startChaosSystem('crasher.yaml', model.url, perThread))
  })
  afterAll(async () => {
    await close?.()
    await model?.close()
  })

  it('a crash of a worker counts for the request that caused it, and not for the other requests of the same invocation', async () => {
    const admin = adminOf(localTarget(system))
    const [victim, attacker] = [
      await clientOf(admin, system.apiUrl, VICTIM),
      await clientOf(admin, system.apiUrl, ATTACKER),
    ]
    const [plugs, innocentCalls] = [PLUGS, INNOCENTS].map(inputs => inputs.map(input => model.hold(input)))
    model.hold('hostile')
    const called = (input: string) => model.calls.filter(({ body }) => body.input === input).length
    for (const prompt of PLUGS) {
      await victim.submit({ prompt })
      await expect.poll(() => called(prompt), { timeout: 10_000 }).toBe(1)
    }

    const [hostile, ...innocent] = await Promise.all([
      attacker.submit({ prompt: 'hostile' }),
      ...INNOCENTS.map(prompt => victim.submit({ prompt })),
    ])
    for (const plug of plugs ?? []) plug.release()
    await expect.poll(() => model.calls.length, { timeout: 15_000 }).toBe(PLUGS.length + INNOCENTS.length + 1)
    const before = await Promise.all(innocent.map(id => admin.items.get(VICTIM, id)))
    const inCompany = innocent.filter((_, i) => !before[i]?.alone)
    await killWorkers(system)
    for (const call of innocentCalls ?? []) call.release()

    // The innocent requests complete when their messages are delivered again.
    for (const id of innocent)
      await expect
        .poll(() => admin.items.get(VICTIM, id), { timeout: NOTICED_MS, interval: 1_000 })
        .toMatchObject({ status: 'completed', attempt: 2 })
    const items = await Promise.all(inCompany.map(id => admin.items.get(VICTIM, id)))
    expect(inCompany.length).toBeGreaterThan(1)
    expect(items.map(item => item?.crashes)).toEqual(inCompany.map(() => 0))

    // The call of the hostile request is held, and the test kills its worker during each call, as if the request had crashed the worker.
    const end = () => admin.items.get(ATTACKER, String(hostile))
    let seen = called('hostile') - 1
    while (!isTerminal((await end())?.status ?? 'queued')) {
      await expect
        .poll(async () => called('hostile') > seen || isTerminal((await end())?.status ?? 'queued'), {
          timeout: NOTICED_MS,
          interval: 1_000,
        })
        .toBe(true)
      if (called('hostile') <= seen) break
      seen = called('hostile')
      await killWorkers(system)
    }
    // A call that was held for longer than its timeout of 20 s is a failed attempt, and no crash. So the number of attempts is not checked. The item counts
    // two crashes, since the third crash ends the request.
    expect(await end()).toMatchObject({
      status: 'failed',
      crashes: 2,
      error: { code: 'worker_crashed', message: 'a worker stopped while it ran the request and no other, 3 times' },
    })
  })
})

async function clientOf(admin: Admin, apiUrl: string, user: string) {
  await setUser(admin, user, {})
  const { created } = await createKey(admin, { user })
  return createApiClient(apiUrl, created.key)
}

/** Ends all threads of workers that run an invocation. */
async function killWorkers({ functions }: LocalSystem): Promise<void> {
  const workers = [...functions.values()].filter(({ logicalId }) => logicalId.includes('Worker'))
  await Promise.all(workers.flatMap(fn => fn.threads().map(({ id, busy }) => busy && fn.kill(id))))
}
