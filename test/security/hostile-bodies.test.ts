import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiClient } from '../e2e/support/api-client.ts'
import { answerText, startTestModel, type TestModel } from '../e2e/support/model.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('hostile.yaml'), MODEL_URL: model.url })
})

afterAll(async () => {
  await system.stop()
  await model.close()
})

/** Makes a body with a prompt and with this JSON text of a list. */
const withList = (list: string): string => `{"prompt":"x","list":${list}}`
/** A body of 4 MB with empty objects. As a parsed value, it would need 85 MB of memory. */
const EMPTY_OBJECTS = withList(`[${'{},'.repeat(1_390_000)}{}]`)

const post = (client: ApiClient, body: string) => client.send('POST', '/v1/inference', body)

/** Expects that a request of another user completes in one attempt. */
async function expectServed(victim: ApiClient): Promise<void> {
  const id = await victim.submit({ prompt: 'of a victim' })
  expect(await victim.ended(id)).toMatchObject({ status: 'completed', attempts: 1 })
}

describe('bodies with many values', () => {
  test('a body with 1.39 million objects is refused, and other users are served although ten such bodies arrive at once', async () => {
    const [attacker, victim] = await Promise.all([system.newUser(), system.newUser()])

    const attack = Promise.all(Array.from({ length: 10 }, () => post(attacker, EMPTY_OBJECTS)))
    const [answers] = await Promise.all([attack, expectServed(victim), expectServed(victim)])

    for (const { status, body } of answers) {
      expect(status).toBe(400)
      expect(body).toMatchObject({
        code: 'invalid_request',
        error: 'the body has over 50,000 JSON values, counted by its commas and brackets',
      })
    }
    expect(await attacker.quota()).toMatchObject({ requests: { used: 0 }, tokens: { used: 0 }, in_flight: { used: 0 } })
  })

  test('a body is accepted with 50,000 values, even ten times in parallel, and refused with 50,001 values', async () => {
    const client = await system.newUser()
    // The body, its prompt and the list count as values, too, so the list has three values fewer. The long names make the body 4 MB large.
    const listOf = (values: number) =>
      `[${Array.from({ length: (values - 3) / 2 }, (_, i) => `{"${String(i).padStart(150, 'k')}":1}`).join(',')}]`

    const accepted = await Promise.all(Array.from({ length: 10 }, () => post(client, withList(listOf(49_999)))))

    expect(accepted.map(({ status }) => status)).toEqual(Array(10).fill(202))
    for (const { body } of accepted)
      expect(await client.ended(String(body.request_id))).toMatchObject({ status: 'completed', attempts: 1 })
    expect(await post(client, withList(listOf(49_997).replace('[', '[0,0,0,')))).toMatchObject({ status: 202 })
    expect(await post(client, withList(listOf(49_997).replace('[', '[0,0,0,0,')))).toMatchObject({ status: 400 })
  })

  test('a body is accepted if it is nested 100 levels deep, and refused if it is nested 101 levels deep', async () => {
    const client = await system.newUser()
    const nested = (levels: number) => withList('['.repeat(levels - 1) + ']'.repeat(levels - 1))

    expect(await post(client, nested(100))).toMatchObject({ status: 202 })
    expect(await post(client, nested(101))).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', error: 'the body is nested over 100 deep' },
    })
  })
})

test("a model's answer with 2.7 million objects fails only its own request, and other requests complete", async () => {
  const [attacker, victim] = await Promise.all([system.newUser(), system.newUser()])
  model.on('hostile', answerText(`{"result":[${'{},'.repeat(2_700_000)}{}]}`))

  const ids = await Promise.all(Array.from({ length: 10 }, () => attacker.submit({ prompt: 'hostile' })))
  await expectServed(victim)

  for (const id of ids)
    expect(await attacker.ended(id)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: {
        code: 'invalid_model_response',
        message: "the model's answer has over 500,000 lists, objects and fields (200, application/json)",
      },
    })
})

test('a body for which a regular expression of a route would run forever is refused after 200 ms, and other users are served', async () => {
  const [attacker, victim] = await Promise.all([system.newUser(), system.newUser()])

  const attack = Promise.all(
    Array.from({ length: 10 }, () => attacker.post({ prompt: 'x', subject: `${'a'.repeat(50)}b` })),
  )
  const [answers] = await Promise.all([attack, expectServed(victim)])

  for (const answer of answers)
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', details: [{ path: 'routing[0].when', message: 'takes over 200 ms' }] },
    })
})
