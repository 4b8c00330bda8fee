import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type QuirkServer, startQuirkServer } from '../support/quirk-server.ts'
import { type RunningSystem, startSystem } from './support/system.ts'

const LOADING = { status: 503, body: { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } } }
const TOO_LONG = {
  status: 500,
  body: { error: { code: 500, message: 'Context size has been exceeded.', type: 'server_error' } },
}
const HELLO = {
  status: 200,
  body: {
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  },
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-providers-'))
let server: QuirkServer
let system: RunningSystem

beforeAll(async () => {
  server = await startQuirkServer()
  const chat = { provider: 'openai', endpoint: { url: server.url } }
  const file = join(folder, 'providers.yaml')
  writeFileSync(
    file,
    stringify({
      quotas: {
        default_plan: 'free',
        plans: { free: { requests: 100, tokens: 100_000, in_flight: 50, priorities: ['normal'] } },
      },
      routing: [{ model: 'chat' }],
      models: {
        chat: { ...chat, retry: { attempts: 2 }, circuit: { open: '1s' } },
        weighed: { ...chat, estimate: '1000 * $count(images) + $number(weight)' },
      },
    }),
  )
  system = await startSystem({ SLUICE_CONFIG: file })
})

afterAll(async () => {
  await system.stop()
  await server.close()
  rmSync(folder, { recursive: true })
})

describe('models with a provider', () => {
  test('no request is lost, and no attempt is spent, while a model server loads its model', async () => {
    server.answerWith(LOADING)
    const clients = await Promise.all([system.newUser(), system.newUser()])
    const before = server.received.length

    const ids = await Promise.all(clients.flatMap(client => [1, 2, 3].map(n => client.submit({ prompt: `Hi ${n}` }))))
    // Waits until more calls have failed than there are requests. Each request must nevertheless end with one attempt, so failed calls spend no attempts.
    await expect.poll(() => server.received.length - before, { timeout: 60_000 }).toBeGreaterThan(6)
    server.answerWith(HELLO)

    const ended = await Promise.all(ids.map((id, index) => clients[Math.floor(index / 3)]?.ended(id)))
    expect(ended).toEqual(
      ids.map(() =>
        expect.objectContaining({
          status: 'completed',
          attempts: 1,
          result: { text: 'Hello', finish_reason: 'stop' },
          charged: { requests: 1, tokens: 7 },
        }),
      ),
    )
  })

  test("a request fails without a retry, with the model's error text, if the prompt is longer than the context, although llama.cpp answers 500", async () => {
    server.answerWith(TOO_LONG)
    const client = await system.newUser()

    const ended = await client.ended(await client.submit({ prompt: 'a long one' }))

    expect(ended).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { status: 500, detail: expect.stringContaining('Context size has been exceeded.') },
    })
  })
})

describe('models with an estimate rule', () => {
  test("a request reserves the tokens that its model's own estimate rule gives", async () => {
    server.answerWith(HELLO)
    const client = await system.newUser()

    const { status, body } = await client.post({ prompt: 'Hi', model: 'weighed', images: ['a', 'b'], weight: 20.5 })

    expect({ status, estimated: body.estimated_tokens }).toEqual({ status: 202, estimated: 2_021 })
    expect(await client.ended(String(body.request_id))).toMatchObject({ charged: { requests: 1, tokens: 7 } })
  })

  test("a request for which its model's own estimate rule fails is refused and not charged", async () => {
    const client = await system.newUser()

    const { status, body } = await client.post({ prompt: 'Hi', model: 'weighed', weight: 'heavy' })

    expect({ status, body }).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        details: [{ path: 'models.weighed.estimate', message: expect.stringContaining('D3030') }],
      },
    })
    expect(await client.quota()).toMatchObject({ requests: { used: 0 }, tokens: { used: 0 } })
  })
})
