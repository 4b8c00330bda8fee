import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Accepted, posts, type SlowModel, send, sendAll, startSlowModel, view } from './load.ts'
import { COMMIT, checkOut, HERE, type Running, start } from './version.ts'

const POSTS = 120
/** After a stop of one version and a start of the other, each accepted request must end within this time in milliseconds (docs/guarantees.md). */
const BOUND_MS = 360_000

let old: ReturnType<typeof checkOut>
let model: SlowModel
let folder: string
let running: Running | undefined
beforeAll(async () => {
  old = checkOut(COMMIT)
  model = await startSlowModel()
})
afterAll(() => {
  model.close()
  old.remove()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-upgrade-data-'))
})
afterEach(async () => {
  await running?.end('SIGKILL')
  running = undefined
  rmSync(folder, { recursive: true, force: true })
})

const newKey = (system: Running): string => (system.sluice('keys', 'create', '--user', 'amy') as { key: string }).key

/** Starts to send posts, and stops the system before all are sent. */
async function interrupt(system: Running, key: string, name: string, signal: 'SIGTERM' | 'SIGKILL') {
  const before = model.calls()
  const sending = sendAll(system.apiUrl, key, posts(name, POSTS))
  await expect.poll(() => model.calls() - before, { timeout: 120_000 }).toBeGreaterThan(15)
  running = undefined
  await system.end(signal)
  return sending
}

/** Expects that each accepted request completes, and that `sluice reconcile` then finds no difference. */
async function expectOrder(system: Running, key: string, accepted: readonly Accepted[]): Promise<void> {
  await expect
    .poll(
      async () => {
        const views = await Promise.all(accepted.map(({ id }) => view(system.apiUrl, key, id)))
        return views.filter(({ status, result }) => status !== 'completed' || result !== 'ok')
      },
      { timeout: BOUND_MS, interval: 2_000 },
    )
    .toEqual([])
  await expect.poll(() => system.sluice('reconcile'), { timeout: BOUND_MS, interval: 5_000 }).toEqual([])
}

/** Expects that each repeated post with an Idempotency-Key is answered with its earlier request. */
async function expectSameAgain(system: Running, key: string, accepted: readonly Accepted[]): Promise<void> {
  const keyed = accepted.filter(({ post }) => 'idempotency-key' in post.headers)
  expect(keyed.length).toBeGreaterThan(0)
  // A post may be answered 503 while a busy machine starts the functions. Then it is sent again, as a client does.
  const again = await Promise.all(
    keyed.map(({ post }) => vi.waitUntil(() => send(system.apiUrl, key, post), { timeout: 60_000, interval: 1_000 })),
  )
  expect(again.map(({ id }) => id)).toEqual(keyed.map(({ id }) => id))
}

const VERSIONS = { '0.1.0': () => old.folder, 'this version': () => HERE }

describe.each([
  { from: '0.1.0', to: 'this version', signal: 'SIGKILL' },
  { from: '0.1.0', to: 'this version', signal: 'SIGTERM' },
  { from: 'this version', to: '0.1.0', signal: 'SIGKILL' },
  { from: 'this version', to: '0.1.0', signal: 'SIGTERM' },
] as const)('$to on the data that $from left after $signal', ({ from, to, signal }) => {
  it('completes each request that the first version accepted, and `sluice reconcile` finds no difference between the stores', async () => {
    const data = join(folder, 'data')
    running = await start(VERSIONS[from](), data, model.url)
    const key = newKey(running)
    const accepted = await interrupt(running, key, 'first', signal)
    expect(accepted.length).toBeGreaterThan(0)

    running = await start(VERSIONS[to](), data, model.url)
    await expectSameAgain(running, key, accepted)
    const more = await sendAll(running.apiUrl, key, posts('second', 20))
    expect(more).toHaveLength(20)
    await expectOrder(running, key, [...accepted, ...more])
    process.stderr.write(
      `${from} → ${to}, ${signal}: ${accepted.length} of ${POSTS} accepted before the stop, ${more.length} after it, all completed\n`,
    )
  })
})
