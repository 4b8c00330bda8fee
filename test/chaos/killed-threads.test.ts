import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminOf } from '../../lib/cli/admin.ts'
import { localTarget } from '../../lib/cli/target.ts'
import type { LocalSystem } from '../../lib/local/system.ts'
import { expectOrderInTheEnd } from './books.ts'
import { createUsers, type Endpoint, postUntilAccepted, startBadEndpoint } from './load.ts'
import { INVOCATIONS_PER_THREAD, startChaosSystem } from './system.ts'

const USERS = 20
const ACCEPTED_EACH = 15
/** After this number of accepted requests, a thread is killed. If a timer killed the threads, a slow machine would accept no request between two kills. */
const ACCEPTED_PER_KILL = 4

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

  it('the system ends and charges each accepted request once, although its threads are killed all the time', async () => {
    const admin = adminOf(localTarget(system))
    const users = await createUsers(admin, USERS)
    let accepted = 0
    let killed = 0
    const onAccepted = () => {
      accepted += 1
      if (accepted % ACCEPTED_PER_KILL === 0 && killOne(system)) killed += 1
    }

    const ids = await postUntilAccepted(system.apiUrl, users, { each: ACCEPTED_EACH, pauseMs: 1_000, onAccepted })

    expect(killed).toBeGreaterThan(20)
    await expectOrderInTheEnd(admin, ids)
  })
})

/** Ends a random thread of a random function, even in the middle of an invocation. */
function killOne({ functions }: LocalSystem): boolean {
  const threads = [...functions.values()].flatMap(fn => fn.threads().map(({ id }) => ({ fn, id })))
  const victim = threads[Math.floor(Math.random() * threads.length)]
  void victim?.fn.kill(victim.id)
  return victim !== undefined
}
