import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { expectOrderInTheEnd } from './books.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
const config = fileURLToPath(new URL('held.yaml', import.meta.url))
/** One more than a request survives if each of them counts as a crash. */
const STOPS = 4

let model: TestModel
let running: RunningSystem | undefined
beforeAll(async () => {
  model = await startTestModel()
})
afterAll(async () => {
  await running?.stop()
  await model.close()
  rmSync(folder, { recursive: true, force: true })
})

it('counts no crash for a request that runs while the system is stopped and started again, however often', async () => {
  const settings = { SLUICE_CONFIG: config, SLUICE_DATA: join(folder, 'data'), MODEL_URL: model.url }
  const held = model.hold('held')
  running = await startSystem(settings)
  const user = await running.newUser()
  const id = await user.submit({ prompt: 'held' })
  for (let stops = 1; stops <= STOPS; stops++) {
    await expect.poll(() => model.calls.length, { timeout: 60_000 }).toBe(stops)
    expect(await running.stop()).toBe(0)
    running = await startSystem(settings)
  }
  held.release()

  await expectOrderInTheEnd(running.admin, new Map([[user.user, [id]]]))

  const item = await running.admin.items.get(user.user, id)
  expect(item).toMatchObject({ status: 'completed', crashes: 0, attempt: STOPS + 1 })
})
