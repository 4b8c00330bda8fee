import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Admin, adminOf } from '../../lib/cli/admin.ts'
import { localTarget } from '../../lib/cli/target.ts'
import { BROKER_URL, newVirtualHost, rabbitmqctl, type VirtualHost } from '../support/rabbitmq.ts'
import { expectOrderInTheEnd } from './books.ts'
import {
  type Accepted,
  createUsers,
  type Endpoint,
  type PostAnswer,
  postUntilAccepted,
  startBadEndpoint,
  type User,
} from './load.ts'
import { type ChaosSystem, startChaosSystem } from './system.ts'

const USERS = 10
const PAUSE_MS = 1_000
/** The number of times that each trouble happens. */
const TIMES = 4
/** The number of posts that must be accepted before each trouble begins, and after it ends. */
const ACCEPTED_BEFORE = 20

/** A disturbance of the broker that a test repeats while clients post. */
interface Trouble {
  readonly name: string
  begin(host: VirtualHost): Promise<unknown>
  /** Ends the trouble. A test calls this after a post was refused. Absent if the trouble is over at once. */
  end?(host: VirtualHost): Promise<unknown>
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'stops and starts again',
    begin: () => rabbitmqctl('stop_app'),
    end: () => rabbitmqctl('start_app'),
  },
  {
    name: 'closes all connections',
    begin: host => rabbitmqctl('close_all_connections', '-p', host.name, 'a test'),
  },
  {
    name: 'takes no messages, since its memory is full',
    begin: () => rabbitmqctl('set_vm_memory_high_watermark', '0'),
    end: () => rabbitmqctl('set_vm_memory_high_watermark', '0.4'),
  },
  {
    name: 'takes no messages, since its disk is full',
    begin: () => rabbitmqctl('set_disk_free_limit', 'mem_relative', '1000'),
    end: () => rabbitmqctl('set_disk_free_limit', '50MB'),
  },
]

/** Clients that post all the time. */
interface Load {
  readonly refused: readonly PostAnswer[]
  /** Resolves when `count` more posts were accepted or refused. */
  more(what: 'accepted' | 'refused', count: number): Promise<void>
  /** Ends the load, and returns the ids of the accepted requests. */
  end(): Promise<Accepted>
}

function startLoad(apiUrl: string, users: readonly User[]): Load {
  const refused: PostAnswer[] = []
  const counts = { accepted: 0, refused: 0 }
  let isEnough = false
  let change = Promise.withResolvers<void>()
  const count = (what: keyof typeof counts) => {
    counts[what] += 1
    change.resolve()
    change = Promise.withResolvers()
  }
  const accepted = postUntilAccepted(apiUrl, users, {
    each: 1,
    isEnough: () => isEnough,
    pauseMs: PAUSE_MS,
    onAccepted: () => count('accepted'),
    onRefused(answer) {
      refused.push(answer)
      count('refused')
    },
  })
  return {
    refused,
    async more(what, more) {
      const enough = counts[what] + more
      while (counts[what] < enough) await change.promise
    },
    async end() {
      isEnough = true
      return accepted
    },
  }
}

/** Causes the trouble several times. After each time, it waits until the posts of clients are accepted again. */
async function disturb(load: Load, { begin, end }: Trouble, host: VirtualHost): Promise<void> {
  await load.more('accepted', ACCEPTED_BEFORE)
  for (let times = 0; times < TIMES; times++) {
    await begin(host)
    try {
      if (end) await load.more('refused', 1)
    } finally {
      await end?.(host)
    }
    await load.more('accepted', ACCEPTED_BEFORE)
  }
}

// No other test may use the broker at the same time, because a memory alarm or a stop of the broker affects all of its virtual hosts.
describe.skipIf(BROKER_URL === undefined)('a broker that is disturbed while clients post', () => {
  let host: VirtualHost
  let endpoint: Endpoint
  let chaos: ChaosSystem
  let admin: Admin
  let users: User[]
  const all: Accepted = new Map()

  beforeAll(async () => {
    host = await newVirtualHost()
    endpoint = await startBadEndpoint()
    chaos = await startChaosSystem('pipeline.yaml', endpoint.url, '', host)
    admin = adminOf(localTarget(chaos.system))
    users = await createUsers(admin, USERS)
  })
  afterAll(async () => {
    await chaos?.close()
    endpoint?.close()
    await host?.close()
  })

  it.each(TROUBLES)(
    'if the broker $name: each refused post gets 503, and later posts are accepted without a restart of the system',
    async trouble => {
      const load = startLoad(chaos.system.apiUrl, users)

      await disturb(load, trouble, host)

      for (const [user, ids] of await load.end()) all.set(user, [...(all.get(user) ?? []), ...ids])
      const others = load.refused.filter(({ status, code }) => status !== 503 || code !== 'unavailable')
      expect(others).toEqual([])
    },
  )

  it('after all these disturbances of the broker, each accepted request ends and is charged exactly once, and the broker has no message left', async () => {
    expect([...all.values()].flat().length).toBeGreaterThanOrEqual(TROUBLES.length * TIMES * ACCEPTED_BEFORE)
    await expectOrderInTheEnd(admin, all)
    await expect.poll(() => host.messages(), { timeout: 180_000, interval: 2_000 }).toEqual({})
  })
})
