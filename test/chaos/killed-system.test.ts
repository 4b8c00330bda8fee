import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { expectOrderInTheEnd } from './books.ts'
import { createUsers, postAll, startBadEndpoint } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-chaos-'))
const config = fileURLToPath(new URL('pipeline.yaml', import.meta.url))
let running: RunningSystem | undefined
afterAll(async () => {
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('after a SIGKILL during a load and a restart, each request that was accepted ends and is charged exactly once', async () => {
  const endpoint = await startBadEndpoint()
  const settings = { SLUICE_CONFIG: config, SLUICE_DATA: join(folder, 'data'), MODEL_URL: endpoint.url }
  const first = await startSystem(settings)
  const users = await createUsers(first.admin, 10)

  const posting = postAll(first.apiUrl, users, 30, 6_000)
  await expect.poll(() => endpoint.calls.size, { timeout: 60_000 }).toBeGreaterThan(60)
  process.kill(-Number(first.process.pid), 'SIGKILL')
  await once(first.process, 'exit')
  const accepted = await posting
  const count = [...accepted.values()].flat().length
  process.stderr.write(`${count} of 300 accepted before the end\n`)
  expect(count).toBeGreaterThan(0)

  running = await startSystem(settings)
  await expectOrderInTheEnd(running.admin, accepted)
  endpoint.close()
})
