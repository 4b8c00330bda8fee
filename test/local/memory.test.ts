import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import type { InvocationResult } from '../../lib/local/lambda/protocol.ts'
import { startThread, type Thread } from '../../lib/local/lambda/thread.ts'
import { temporaryFolder } from './fixtures/template.ts'

const HANDLERS = `
import { existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const hoards = {
  objects: hoard => hoard.push({ a: hoard.length, b: {} }),
  'huge arrays': hoard => hoard.push(new Array(2e7).fill({})),
  'a huge Map': hoard => (hoard.table ??= new Map()).set(hoard.table.size, 1),
  'parsed JSON': hoard => hoard.push(JSON.parse('[' + '{},'.repeat(1e6) + '{}]')),
  'written JSON': hoard => hoard.push(JSON.stringify(Array.from({ length: 20 }, () => 'x'.repeat(2e6)))),
  'joined texts': hoard => hoard.push(new Array(1e6).fill('abcdefgh' + hoard.length).join('-')),
  buffers: hoard => hoard.push(Buffer.alloc(1e7, 1)),
}
export const handler = ({ hoard }) => {
  if (hoard === undefined) return 'here'
  for (const kept = []; ; ) hoards[hoard](kept)
}
const kept = []
export const keeps = async ({ until }) => {
  if (kept.length === 0) kept.push(Buffer.alloc(8e7, 1))
  while (!existsSync(until)) await setTimeout(10)
}
export const large = () => 'x'.repeat(7 * 1024 * 1024)
// Makes many times more garbage than the function has memory, but keeps only a little of it at a time.
export const wasteful = () => {
  let kept = []
  for (let i = 0; i < 3e6; i++) {
    kept.push({ i, list: [i] })
    if (kept.length > 1e5) kept = []
  }
  return 'done'
}
`

const file = join(temporaryFolder(), 'index.mjs')
writeFileSync(file, HANDLERS)
const threads: Thread[] = []
afterAll(() => Promise.all(threads.map(thread => thread.terminate())))

async function start(handlerName = 'handler', onUnfit = () => {}): Promise<Thread> {
  const thread = startThread({
    handlerUrl: pathToFileURL(file).href,
    handlerName,
    functionName: 'f',
    functionArn: 'arn:f',
    memoryMb: 64,
    environment: {},
    write: () => {},
    onUnfit,
  })
  threads.push(thread)
  expect(await thread.imported).toBeUndefined()
  return thread
}

const invoke = (thread: Thread, event: object): Promise<InvocationResult> =>
  thread.invoke({ event: JSON.stringify(event), requestId: 'r', deadline: Date.now() + 60_000 })

const killed = {
  ok: false,
  error: { errorType: 'Runtime.ExitError', errorMessage: 'Error: Runtime exited with error: signal: killed' },
}

test.each(['objects', 'huge arrays', 'a huge Map', 'parsed JSON', 'written JSON', 'joined texts', 'buffers'])(
  'two threads of functions that run out of memory with %s end, and other threads of the process continue',
  async hoard => {
    const [neighbour, ...culprits] = await Promise.all([start(), start(), start()])

    const results = Promise.all(culprits.map(culprit => invoke(culprit, { hoard })))
    expect(await invoke(neighbour, {})).toEqual({ ok: true, payload: '"here"' })

    expect(await results).toEqual([killed, killed])
    await Promise.all(culprits.map(culprit => culprit.ended))
    expect(await invoke(neighbour, {})).toEqual({ ok: true, payload: '"here"' })
  },
)

test('a thread is not ended for lack of memory if it makes much garbage but keeps little', async () => {
  expect(await invoke(await start('wasteful'), {})).toEqual({ ok: true, payload: '"done"' })
})

test('a thread that holds more memory than its function has reports this in each invocation', async () => {
  let told = 0
  const thread = await start('keeps', () => {
    told += 1
  })

  for (const time of [1, 2]) {
    const until = join(temporaryFolder(), 'told')
    const result = invoke(thread, { until })
    await expect.poll(() => told, { timeout: 10_000, interval: 20 }).toBe(time)
    writeFileSync(until, '')
    expect(await result).toMatchObject({ ok: true })
  }
})

test('a result that is larger than Lambda allows fails the invocation', async () => {
  expect(await invoke(await start('large'), {})).toMatchObject({
    ok: false,
    error: { errorType: 'Function.ResponseSizeTooLarge' },
  })
})
