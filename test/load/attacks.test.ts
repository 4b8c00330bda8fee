import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newKey } from '../../functions/core/stores/access/key.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { answerText, startTestModel, type TestModel } from '../e2e/support/model.ts'
import { runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

/** During an attack, each call of another user must be answered within this time, in milliseconds. */
const ANSWERED_WITHIN_MS = 3_000
const MEGABYTE = 1024 * 1024
/** The prompt of calls that hang until the model is closed. */
const HANGS = 'hang until the end'
const EMPTY_OBJECTS = 'answer with millions of empty objects'
const LARGE = 'answer with 4 MB'

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  model.hold(HANGS)
  const objects = '{},'.repeat(7 * (MEGABYTE / 3))
  model.on(EMPTY_OBJECTS, answerText(`{"result":[${objects}{}]}`))
  model.on(LARGE, answerText(JSON.stringify({ result: 'x'.repeat(3.9 * MEGABYTE) })))
  system = await startSystem({ SLUICE_CONFIG: fixture('attacks.yaml'), MODEL_URL: model.url })
})

afterAll(async () => {
  await system.stop()
  await model.close()
})

/** A user who attacks. Each call is aborted when the attack is over. */
interface Attacker {
  readonly user: string
  call(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<number>
  post(body: object, headers?: Record<string, string>): Promise<number>
  submit(body: object): Promise<string>
}

/** The number of answers per status. The status 0 stands for calls that were aborted or got no connection. */
type Statuses = Record<number, number>

const tally = (statuses: readonly number[]): Statuses =>
  Object.fromEntries([...Map.groupBy(statuses, status => status)].map(([status, { length }]) => [status, length]))

const times = <T>(count: number, one: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => one(index)))

interface Attack {
  readonly name: string
  /** Runs the attack, and resolves to the statuses of its calls when it is finished. */
  run(attackers: () => Promise<Attacker>, over: AbortSignal): Promise<Statuses>
  /** Checks the statuses. No status may be 500 in any attack. */
  readonly expectStatuses?: (statuses: Statuses) => void
}

const waitFor = (attacker: Attacker, id: string, seconds = 25) =>
  attacker.call('GET', `/v1/inference/${id}?wait=${seconds}`)

const attacks: readonly Attack[] = [
  {
    name: '60 waits of one user for a request that hangs',
    run: async attackers => {
      const attacker = await attackers()
      const id = await attacker.submit({ prompt: HANGS, model: 'hanging' })
      return tally(await times(60, () => waitFor(attacker, id)))
    },
  },
  {
    name: '40 replays of one Idempotency-Key that prefer to wait',
    run: async attackers => {
      const { post } = await attackers()
      const headers = { 'idempotency-key': 'again', prefer: 'wait=25' }
      return tally(await times(40, () => post({ prompt: HANGS, model: 'hanging' }, headers)))
    },
  },
  {
    name: '60 posts of one user that prefer to wait',
    run: async attackers => {
      const { post } = await attackers()
      return tally(await times(60, () => post({ prompt: HANGS, model: 'hanging' }, { prefer: 'wait=25' })))
    },
  },
  {
    name: 'six users who each make 30 waiting calls',
    run: async attackers => {
      const statuses = await times(6, async () => {
        const attacker = await attackers()
        const id = await attacker.submit({ prompt: HANGS, model: 'hanging' })
        return times(30, () => waitFor(attacker, id))
      })
      return tally(statuses.flat())
    },
  },
  {
    name: 'waits of one second, 30 in parallel',
    run: async (attackers, over) => {
      const attacker = await attackers()
      const id = await attacker.submit({ prompt: HANGS, model: 'hanging' })
      const statuses: number[] = []
      while (!over.aborted) statuses.push(...(await times(30, () => waitFor(attacker, id, 1))))
      return tally(statuses)
    },
  },
  {
    name: 'ten bodies of 4 MB of empty objects',
    run: async attackers => {
      const { call } = await attackers()
      const body = `{"prompt":"x","list":[${'{},'.repeat((3.9 * MEGABYTE) / 3)}{}]}`
      return tally(await times(10, () => call('POST', '/v1/inference', body)))
    },
    expectStatuses: statuses => expect(statuses).not.toHaveProperty('202'),
  },
  {
    name: 'twelve bodies of 4 MB with the maximum number of values',
    run: async attackers => {
      const { call } = await attackers()
      const body = `{"prompt":"${'x'.repeat(3.7 * MEGABYTE)}","list":[${'{},'.repeat(49_000)}{}]}`
      return tally(await times(12, () => call('POST', '/v1/inference', body)))
    },
  },
  {
    name: '15 prompts of 3.9 MB, each cancelled at once',
    run: async attackers => {
      const attacker = await attackers()
      const prompt = 'x'.repeat(3.9 * MEGABYTE)
      const statuses: number[] = []
      for (let round = 0; round < 15; round++) {
        const id = await attacker.submit({ prompt, model: 'hanging' })
        statuses.push(await attacker.call('DELETE', `/v1/inference/${id}`))
      }
      return tally(statuses)
    },
  },
  {
    name: '200 replays of the Idempotency-Key of a queued request',
    run: async attackers => {
      const { post } = await attackers()
      return tally(await times(200, () => post({ prompt: HANGS, model: 'hanging' }, { 'idempotency-key': 'same' })))
    },
  },
  {
    name: '100 posts over the quota with Idempotency-Keys',
    run: async attackers => {
      const attacker = await attackers()
      await runSluice(system, 'users', 'set', attacker.user, '--plan', 'small')
      return tally(await times(100, index => attacker.post({ prompt: 'over' }, { 'idempotency-key': `key ${index}` })))
    },
  },
  {
    name: '200 cancellations of queued requests',
    run: async attackers => {
      const attacker = await attackers()
      const cancel = async () => {
        const id = await attacker.submit({ prompt: 'cancelled', model: 'hanging' })
        return attacker.call('DELETE', `/v1/inference/${id}`)
      }
      const statuses: number[] = []
      for (let round = 0; round < 20; round++) statuses.push(...(await times(10, cancel)))
      return tally(statuses)
    },
  },
  {
    name: '20 prompts that make a regular expression in a route backtrack',
    run: async attackers => {
      const { post } = await attackers()
      return tally(await times(20, () => post({ prompt: `${'a'.repeat(40)}!` })))
    },
  },
  {
    name: '300 made-up API keys',
    run: async (_attackers, over) => {
      const look = async () => {
        const headers = { 'x-api-key': newKey() }
        const response = await fetch(`${system.apiUrl}/v1/quota`, { headers, signal: over }).catch(() => undefined)
        return response?.status ?? 0
      }
      const statuses: number[] = []
      for (let round = 0; round < 15; round++) statuses.push(...(await times(20, look)))
      return tally(statuses)
    },
    expectStatuses: statuses => expect(Object.keys(statuses).filter(status => status !== '0')).toEqual(['403']),
  },
  {
    name: '400 connections that send half a request',
    run: async (_attackers, over) => {
      const { hostname, port } = new URL(system.apiUrl)
      const sockets = Array.from({ length: 400 }, () => {
        const socket = connect(Number(port), hostname)
        socket.on('error', () => {})
        socket.write(
          `POST /v1/inference HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Length: 1000\r\n\r\n{"prompt"`,
        )
        return socket
      })
      await new Promise(resolve => over.addEventListener('abort', resolve))
      for (const socket of sockets) socket.destroy()
      return {}
    },
  },
  {
    name: 'ten answers of the model with 7 MB of empty objects',
    run: async attackers => {
      const { post } = await attackers()
      return tally(await times(10, () => post({ prompt: EMPTY_OBJECTS })))
    },
  },
  {
    name: '30 parallel reads of a result of 3.9 MB',
    run: async attackers => {
      const attacker = await attackers()
      const id = await attacker.submit({ prompt: LARGE })
      await waitFor(attacker, id)
      return tally(await times(30, () => attacker.call('GET', `/v1/inference/${id}`)))
    },
  },
  {
    name: '40 parallel lists of 100 requests with 15 KB of metadata each',
    run: async attackers => {
      const attacker = await attackers()
      const metadata = { note: 'm'.repeat(15_000) }
      for (let round = 0; round < 10; round++) await times(10, () => attacker.post({ prompt: 'listed', metadata }))
      return tally(await times(40, () => attacker.call('GET', '/v1/inference?limit=100')))
    },
  },
  {
    name: '600 reads of the quota by one user',
    run: async attackers => {
      const attacker = await attackers()
      const statuses: number[] = []
      for (let round = 0; round < 20; round++)
        statuses.push(...(await times(30, () => attacker.call('GET', '/v1/quota'))))
      return tally(statuses)
    },
  },
]

function attackers(over: AbortSignal): () => Promise<Attacker> {
  return async () => {
    const user = `attacker-${randomUUID()}`
    const { key } = (await createKey(system.admin, { user })).created
    const call: Attacker['call'] = async (method, path, body, more = {}) => {
      const headers = { 'content-type': 'application/json', 'x-api-key': key, ...more }
      const init = { method, headers, signal: over, ...(body !== undefined && { body }) }
      try {
        const response = await fetch(system.apiUrl + path, init)
        await response.arrayBuffer()
        return response.status
      } catch {
        return 0
      }
    }
    const client = system.client(key)
    const post: Attacker['post'] = (body, headers) => call('POST', '/v1/inference', JSON.stringify(body), headers)
    return { user, call, post, submit: client.submit }
  }
}

/** Makes one round of a victim's calls. Expects the request to complete at its first attempt, and returns the duration of each call in milliseconds. */
async function oneRound(victim: Awaited<ReturnType<RunningSystem['newUser']>>): Promise<number[]> {
  const took: number[] = []
  const timed = async <T>(call: () => Promise<T>): Promise<T> => {
    const before = performance.now()
    const answer = await call()
    took.push(performance.now() - before)
    return answer
  }
  const posted = await timed(() => victim.post({ prompt: 'of the victim' }))
  expect(posted).toMatchObject({ status: 202 })
  expect(await timed(() => system.client().send('GET', '/healthz'))).toMatchObject({ status: 200 })
  const id = String(posted.body.request_id)
  expect(await timed(() => victim.send('GET', `/v1/inference/${id}`))).toMatchObject({ status: 200 })
  expect(await victim.ended(id)).toMatchObject({ status: 'completed', attempts: 1 })
  return took
}

/** The number of the victim's rounds during an attack. The attack may end before the last round. */
const ROUNDS = 5

describe('a victim', () => {
  test.for(attacks)(
    'is answered in time, and its requests complete at the first attempt, during $name',
    async ({ run, expectStatuses }) => {
      const victim = await system.newUser()
      await oneRound(victim)
      const over = new AbortController()

      const attack = run(attackers(over.signal), over.signal)
      // Waits until the calls of the attack are sent, so that the victim's calls come during the attack.
      await delay(200)
      const took: number[] = []
      for (let round = 0; round < ROUNDS; round++) took.push(...(await oneRound(victim)))
      over.abort()
      const statuses = await attack

      expect(Math.max(...took)).toBeLessThan(ANSWERED_WITHIN_MS)
      expect(statuses).not.toHaveProperty('500')
      expectStatuses?.(statuses)
    },
  )
})

test('`sluice reconcile` finds no difference between the stores after all attacks', async () => {
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
})
