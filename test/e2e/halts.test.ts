import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelView } from '../../lib/cli/operations/models.ts'
import { type Endpoint, echo, refuse, startEndpoint } from './support/endpoint.ts'
import { eventually } from './support/eventually.ts'
import { allCompleted, endedRows, endings, prompts, submitAll } from './support/load.ts'
import { jsonOfSluice } from './support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let endpoint: Endpoint
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startEndpoint()
  system = await startSystem({
    SLUICE_CONFIG: fixture('halts.yaml'),
    MODEL_URL: endpoint.url,
    MODEL_KEY: 'not the right key',
  })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
})

const modelNamed = async (name: string): Promise<ModelView | undefined> =>
  (await jsonOfSluice<ModelView[]>(system, 'models', 'list')).find(({ model }) => model === name)

describe('a wrong key', () => {
  test('halts the model: no request fails, and all requests complete when the key is corrected and an operator resets the model', async () => {
    let isRight = false
    endpoint.reply('keyed', (response, call) => (isRight ? echo : refuse(401))(response, call))
    const client = await system.newUser()

    await submitAll(client, 'keyed', prompts(100))
    const { halted } = await eventually(async () => {
      const view = await modelNamed('keyed')
      expect(view?.halted).toBeDefined()
      return { halted: view?.halted }
    })

    expect(halted).toMatchObject({ status: 401, reason: expect.stringContaining('401') })
    expect(await client.quota()).toMatchObject({ in_flight: { used: 100 } })
    // After the first 401, no new call begins. So there are only the calls that were already running then.
    expect(endpoint.calls('keyed').length).toBeLessThanOrEqual(10)
    isRight = true
    await jsonOfSluice(system, 'models', 'reset', 'keyed')
    const rows = await endedRows(system, client)

    expect(endings(rows)).toEqual(allCompleted(100))
    expect(rows.map(({ attempts }) => attempts)).toEqual(Array(100).fill(1))
    expect((await modelNamed('keyed'))?.halted).toBeUndefined()
    expect(system.functionLogs()).toContain('the model keyed is halted: no retry heals this')
  })
})

describe('a user whose requests always fail', () => {
  test('delays no request of another user', async () => {
    endpoint.reply('poisoned', (response, call) =>
      (call.inputs[0]?.startsWith('poison') ? refuse(500) : echo)(response, call),
    )
    const [poisonous, other] = [await system.newUser(), await system.newUser()]

    await Promise.all([
      submitAll(
        poisonous,
        'poisoned',
        prompts(200).map(prompt => `poison ${prompt}`),
      ),
      submitAll(other, 'poisoned', prompts(200)),
    ])
    const rows = await endedRows(system, other)

    expect(endings(rows)).toEqual(allCompleted(200))
    expect(rows.map(({ attempts }) => attempts)).toEqual(Array(200).fill(1))
    const good = endpoint.calls('poisoned').filter(({ inputs }) => !inputs[0]?.startsWith('poison'))
    const pauses = good.slice(1).map(({ at }, i) => at - (good[i]?.at ?? 0))
    // Requests of other tests may delay a call by some seconds. A circuit that is open for all users would delay it by 30 s.
    expect(Math.max(...pauses)).toBeLessThan(10_000)
    expect(system.functionLogs()).not.toContain('the circuit of poisoned has opened for all users')
  })
})

describe('a model with concurrency 1', () => {
  test('gets one call at a time, and completes all requests', async () => {
    let underWay = 0
    let most = 0
    endpoint.reply('single', async (response, call) => {
      most = Math.max(most, ++underWay)
      await setTimeout(50)
      underWay--
      echo(response, call)
    })
    const client = await system.newUser()

    await submitAll(client, 'single', prompts(30))
    const rows = await endedRows(system, client)

    expect(endings(rows)).toEqual(allCompleted(30))
    expect(endpoint.calls('single')).toHaveLength(30)
    expect(most).toBe(1)
  })
})
