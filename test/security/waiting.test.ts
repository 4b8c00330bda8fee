import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiAnswer, ApiClient } from '../e2e/support/api-client.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

/** The number of simultaneous waiting calls per user that pipeline.yaml allows by default. */
const PER_USER = 10

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('one-model.yaml'), MODEL_URL: model.url })
})

afterAll(async () => {
  await system.stop()
  await model.close()
})

/** Makes calls in parallel. `answered` has the answers that have arrived. */
function together(count: number, call: () => Promise<ApiAnswer>) {
  const answered: ApiAnswer[] = []
  const calls = Array.from({ length: count }, async () => {
    const answer = await call()
    answered.push(answer)
    return answer
  })
  return { answered, all: Promise.all(calls) }
}

const waitFor = (client: ApiClient, id: string) => client.send('GET', `/v1/inference/${id}?wait=25`)

/** Expects that another user is served during the attack. */
async function expectServed(victim: ApiClient): Promise<void> {
  const posted = await victim.post({ prompt: 'of a victim' })
  expect(posted.status).toBe(202)
  expect((await victim.send('GET', `/v1/inference/${posted.body.request_id}`)).status).toBe(200)
  expect((await system.client().send('GET', '/healthz')).status).toBe(200)
}

describe('while 60 calls of one user wait for a request of a model that hangs', () => {
  test('another user is served, and the calls over the limit are answered at once with the state of the request', async () => {
    const held = model.hold('hangs for readers')
    const [attacker, victim] = [await system.newUser(), await system.newUser()]
    const id = await attacker.submit({ prompt: 'hangs for readers' })

    const waits = together(60, () => waitFor(attacker, id))
    await expectServed(victim)

    await eventually(() => expect(waits.answered).toHaveLength(60 - PER_USER))
    expect(waits.answered.filter(({ status, body }) => status !== 200 || body.status === 'completed')).toEqual([])
    held.release()
    const ended = (await waits.all).filter(({ status, body }) => status === 200 && body.status === 'completed')
    expect(ended).toHaveLength(PER_USER)
  })
})

describe('while 40 posts with the same Idempotency-Key and Prefer: wait=25 arrive', () => {
  test('one post waits for its result, the others are answered with 202 at once, and another user is served', async () => {
    const held = model.hold('hangs for replays')
    const [attacker, victim] = [await system.newUser(), await system.newUser()]
    const headers = { 'idempotency-key': 'k', prefer: 'wait=25' }

    const waits = together(40, () => attacker.post({ prompt: 'hangs for replays' }, headers))
    await expectServed(victim)

    await eventually(() => expect(waits.answered).toHaveLength(39))
    held.release()
    const answers = await waits.all
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(39)
    const waited = answers.filter(({ status }) => status === 200)
    expect(waited).toMatchObject([{ headers: { 'preference-applied': 'wait=25' }, body: { status: 'completed' } }])
    expect(new Set(answers.map(({ body }) => body.request_id)).size).toBe(1)
  })
})

describe('while six users make 20 waiting calls each', () => {
  test('a seventh user is served, and all waiting calls are answered when their requests end', async () => {
    const held = model.hold('hangs for six')
    const victim = await system.newUser()
    const attackers = await Promise.all(Array.from({ length: 6 }, () => system.newUser()))
    const ids = await Promise.all(attackers.map(attacker => attacker.submit({ prompt: 'hangs for six' })))

    const waits = attackers.map((attacker, i) => together(20, () => waitFor(attacker, String(ids[i]))))
    await expectServed(victim)

    expect(waits.flatMap(wait => wait.answered).length).toBeLessThan(6 * 20)
    held.release()
    const answers = (await Promise.all(waits.map(({ all }) => all))).flat()
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  })
})

test('a post with Prefer: wait=25 is answered with the result of its request', async () => {
  const client = await system.newUser()

  const { status, headers, body } = await client.post({ prompt: 'well-behaved' }, { prefer: 'wait=25' })

  expect(status).toBe(200)
  expect(headers['preference-applied']).toBe('wait=25')
  expect(body).toMatchObject({ status: 'completed', result: { echo: 'well-behaved' } })
})

test('calls of one user that wait for one second are all answered with the state of the request, even if there are more of them than the limit of waits per user', async () => {
  const held = model.hold('hangs for a second')
  const client = await system.newUser()
  const id = await client.submit({ prompt: 'hangs for a second' })

  const { all } = together(PER_USER + 5, () => client.send('GET', `/v1/inference/${id}?wait=1`))

  for (const { status, body } of await all) {
    expect(status).toBe(200)
    expect(body.status).not.toBe('completed')
  }
  held.release()
})
