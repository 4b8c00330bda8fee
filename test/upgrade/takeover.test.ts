import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Accepted, posts, type SlowModel, send, sendAll, startSlowModel, view } from './load.ts'
import { COMMIT, checkOut, HERE, type Running, start } from './version.ts'

const POSTS = 120
/** For whatever a stop leaves open; see docs/guarantees.md. Milliseconds. */
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

/** Posts a load, and stops the system in the middle of it. */
async function interrupt(system: Running, key: string, name: string, signal: 'SIGTERM' | 'SIGKILL') {
  const before = model.calls()
  const sending = sendAll(system.apiUrl, key, posts(name, POSTS))
  await expect.poll(() => model.calls() - before, { timeout: 120_000 }).toBeGreaterThan(15)
  running = undefined
  await system.end(signal)
  return sending
}

/** Each accepted request completes, is charged once, and reconcile finds no difference. */
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

/** A keyed post that is sent again is the request that it was. */
async function expectSameAgain(system: Running, key: string, accepted: readonly Accepted[]): Promise<void> {
  const keyed = accepted.filter(({ post }) => 'idempotency-key' in post.headers)
  expect(keyed.length).toBeGreaterThan(0)
  // Like each client, it sends a post again that was answered 503, as it may be while a busy machine starts the functions.
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
] as const)('$to takes over what $from has left after $signal', ({ from, to, signal }) => {
  it('ends each accepted request once, and its books are right', async () => {
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
