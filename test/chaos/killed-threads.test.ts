import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminOf } from '../../lib/cli/admin.ts'
import { localTarget } from '../../lib/cli/target.ts'
import type { LocalSystem } from '../../lib/local/system.ts'
import { expectOrderInTheEnd } from './books.ts'
import { createUsers, type Endpoint, postAll, startBadEndpoint } from './load.ts'
import { INVOCATIONS_PER_THREAD, startChaosSystem } from './system.ts'

const KILLING_MS = 30_000
const KILL_EVERY_MS = 300

describe.each(INVOCATIONS_PER_THREAD)('with SLUICE_INVOCATIONS_PER_THREAD=%s', perThread => {
  let endpoint: Endpoint
  let system: LocalSystem
  let close: () => Promise<void>

  beforeAll(async () => {
    endpoint = await startBadEndpoint()
    ;({ system, close } = await startChaosSystem('pipeline.yaml', endpoint.url, perThread))
  })
  afterAll(async () => {
    await close?.()
    endpoint?.close()
  })

  it('ends and charges each accepted request once, although its threads are killed all the time', async () => {
    const admin = adminOf(localTarget(system))
    const users = await createUsers(admin, 20)
    let killed = 0
    const killing = setInterval(() => {
      if (killOne(system)) killed += 1
    }, KILL_EVERY_MS)

    const accepted = await postAll(system.apiUrl, users, 25, KILLING_MS)
    clearInterval(killing)

    const count = [...accepted.values()].flat().length
    process.stderr.write(`${count} of 500 accepted, ${killed} threads killed\n`)
    expect(killed).toBeGreaterThan(20)
    expect(count).toBeGreaterThan(250)
    await expectOrderInTheEnd(admin, accepted)
  })
})

/** Ends a random thread of a random function, whatever it is doing. */
function killOne({ functions }: LocalSystem): boolean {
  const threads = [...functions.values()].flatMap(fn => fn.threads().map(({ id }) => ({ fn, id })))
  const victim = threads[Math.floor(Math.random() * threads.length)]
  void victim?.fn.kill(victim.id)
  return victim !== undefined
}
