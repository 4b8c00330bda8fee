import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { type OpenAiEndpoint, startOpenAiEndpoint } from './support/openai-endpoint.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let endpoint: OpenAiEndpoint
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startOpenAiEndpoint()
  system = await startSystem({ SLUICE_CONFIG: fixture('openai.yaml'), OPENAI_URL: endpoint.url })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
})

test('if a user with a limit of 100 requests posts 200 responses at once, exactly 100 are admitted', async () => {
  const user = 'burst'
  await setUser(system.admin, user, { plan: 'hundred' })
  const { created } = await createKey(system.admin, { user })
  const sdk = new OpenAI({ baseURL: `${system.apiUrl}/v1`, apiKey: created.key, maxRetries: 0 })

  const answers = await Promise.allSettled(
    Array.from({ length: 200 }, () => sdk.responses.create({ model: 'plain', input: 'x', background: true })),
  )

  const refused = answers.filter(({ status }) => status === 'rejected')
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(100)
  for (const { reason } of refused as PromiseRejectedResult[])
    expect(reason).toMatchObject({ status: 429, code: 'insufficient_quota' })
  expect(await system.client(created.key).settledQuota()).toMatchObject({ requests: { used: 100 } })
})
