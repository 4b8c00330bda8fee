import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { QUEUE_BACKEND } from '../support/queue-backend.ts'
import { expectOrderInTheEnd } from './books.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
const config = fileURLToPath(new URL('held.yaml', import.meta.url))
const REQUESTS = 50
/** The least number of calls that run at the same time. With RabbitMQ, one invocation runs at a time, and it may have got only one message. */
const LEAST_CALLS = QUEUE_BACKEND === 'sqs' ? 5 : 1
/** The number of stops: one more than MAX_CRASHES, the crashes after which a request fails. If each stop counted as a crash, the request would fail. */
const STOPS = 4

let model: TestModel
let running: RunningSystem | undefined
beforeAll(async () => {
  model = await startTestModel()
})
afterEach(async () => {
  await running?.stop()
})
afterAll(async () => {
  await model.close()
  rmSync(folder, { recursive: true, force: true })
})

it('requests that ran when the system was killed run again right after the next start, although their leases and visibility timeouts have 14 minutes left', async () => {
  const settings = { SLUICE_CONFIG: config, SLUICE_DATA: join(folder, 'killed'), MODEL_URL: model.url }
  const first = await startSystem(settings)
  const user = await first.newUser()
  const held = model.hold('held')
  const ids = await Promise.all(Array.from({ length: REQUESTS }, () => user.submit({ prompt: 'held' })))
  // The number of running calls depends on how many messages each invocation has received. The other messages wait in their queue.
  await expect.poll(() => model.calls.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(LEAST_CALLS)
  process.kill(-Number(first.process.pid), 'SIGKILL')
  await once(first.process, 'exit')
  held.release()

  running = await startSystem(settings)

  const [, ran] =
    /^(\d+) requests? (?:was|were) running when the system last ended: they run again now$/m.exec(
      running.output().out,
    ) ?? []
  expect(Number(ran)).toBeGreaterThanOrEqual(LEAST_CALLS)
  await expectOrderInTheEnd(running.admin, new Map([[user.user, ids]]))
  const items = await Promise.all(ids.map(id => running?.admin.items.get(user.user, id)))
  expect(items.map(item => item?.status)).toEqual(ids.map(() => 'completed'))
  expect(items.filter(item => item?.attempt === 2)).toHaveLength(Number(ran))
  expect(items.map(item => item?.crashes)).toEqual(ids.map(() => 0))
})

it('a request that runs while the system is stopped and started again four times has no crash counted, and completes', async () => {
  const settings = { SLUICE_CONFIG: config, SLUICE_DATA: join(folder, 'stopped'), MODEL_URL: model.url }
  const held = model.hold('held')
  const before = model.calls.length
  running = await startSystem(settings)
  const user = await running.newUser()
  const id = await user.submit({ prompt: 'held' })
  for (let stops = 1; stops <= STOPS; stops++) {
    await expect.poll(() => model.calls.length - before, { timeout: 60_000 }).toBe(stops)
    expect(await running.stop()).toBe(0)
    running = await startSystem(settings)
  }
  held.release()

  await expectOrderInTheEnd(running.admin, new Map([[user.user, [id]]]))

  const item = await running.admin.items.get(user.user, id)
  expect(item).toMatchObject({ status: 'completed', crashes: 0, attempt: STOPS + 1 })
})
