import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPool, type PoolOptions } from '../../../lib/local/lambda/pool.ts'
import type { InvocationResult } from '../../../lib/local/lambda/protocol.ts'
import type { Thread } from '../../../lib/local/lambda/thread.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A pool of threads whose invocations end when the test says so. */
function poolOfFakes({ limit = 20, timeoutSeconds = 3, usual = 20 }: Partial<PoolOptions> = {}) {
  const running: ((result: InvocationResult) => void)[] = []
  let started = 0
  const start = (): Thread => {
    const ended = Promise.withResolvers<void>()
    return {
      id: ++started,
      imported: Promise.resolve(undefined),
      ended: ended.promise,
      invoke: () => new Promise(resolve => running.push(resolve)),
      terminate: async () => ended.resolve(),
    }
  }
  const onFailure = vi.fn()
  return { pool: createPool({ start, limit, timeoutSeconds, usual, onFailure }), running, onFailure }
}

const done: InvocationResult = { ok: true, payload: '1' }
const settle = () => vi.advanceTimersByTimeAsync(0)

test('above the usual number of threads, another one starts only when one of them has been busy for long', async () => {
  const { pool, running } = poolOfFakes({ usual: 2 })
  for (let event = 0; event < 5; event++) void pool.invoke('{}')

  await vi.advanceTimersByTimeAsync(900)
  running.shift()?.(done)
  await vi.advanceTimersByTimeAsync(99)
  expect(pool.threads()).toHaveLength(2)

  await vi.advanceTimersByTimeAsync(1)
  expect(pool.threads()).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(800)
  expect(pool.threads()).toHaveLength(3)
})

test('where all threads wait, others start one after the other, and not each after a pause of its own', async () => {
  const { pool } = poolOfFakes({ usual: 4, limit: 12 })
  for (let event = 0; event < 12; event++) void pool.invoke('{}')

  await vi.advanceTimersByTimeAsync(2_500)

  expect(pool.threads()).toHaveLength(12)
})

test('a third thread starts only when none has become free for a while', async () => {
  const { pool, running } = poolOfFakes()
  for (let event = 0; event < 5; event++) void pool.invoke('{}')
  await settle()
  expect(pool.threads()).toHaveLength(2)

  running.shift()?.(done)
  await vi.advanceTimersByTimeAsync(99)
  expect(pool.threads()).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1)
  expect(pool.threads()).toHaveLength(3)
})

test('there are never more threads than the limit, and waiting work is done in its order', async () => {
  const { pool, running } = poolOfFakes({ limit: 1 })
  const order: number[] = []
  for (const event of [1, 2, 3]) void pool.invoke('{}').then(() => order.push(event))
  await vi.advanceTimersByTimeAsync(1000)
  expect(pool.threads()).toHaveLength(1)

  for (let event = 0; event < 3; event++) {
    running.shift()?.(done)
    await settle()
  }
  expect(order).toEqual([1, 2, 3])
})

test('a caller that is flooded keeps no other one waiting for more than the next thread', async () => {
  const { pool, running } = poolOfFakes({ limit: 1 })
  const [flooded, other] = [pool.addCaller(0), pool.addCaller(0)]
  const order: string[] = []
  for (let event = 0; event < 10; event++) void flooded('{}').then(() => order.push('flooded'))
  void other('{}').then(() => order.push('other'))
  await settle()

  for (let event = 0; event < 3; event++) {
    running.shift()?.(done)
    await settle()
  }

  expect(order).toEqual(['flooded', 'other', 'flooded'])
})

test('of callers who wait for a thread, each gets one in turn, however often one of them calls', async () => {
  const { pool, running } = poolOfFakes({ limit: 1 })
  const order: string[] = []
  for (let event = 0; event < 10; event++) void pool.invoke('{}', 'flooding').then(() => order.push('flooding'))
  void pool.invoke('{}', 'other').then(() => order.push('other'))
  await settle()

  for (let event = 0; event < 3; event++) {
    running.shift()?.(done)
    await settle()
  }

  expect(order).toEqual(['flooding', 'other', 'flooding'])
})

test('a caller who has fewer invocations running is served before one who has more, whoever came first', async () => {
  const { pool, running } = poolOfFakes({ limit: 3, timeoutSeconds: 60 })
  const order: string[] = []
  for (let event = 0; event < 4; event++) void pool.invoke('{}', 'waiting').then(() => order.push('waiting'))
  await vi.advanceTimersByTimeAsync(1000)
  expect(running).toHaveLength(3)
  void pool.invoke('{}', 'waiting').then(() => order.push('waiting'))
  void pool.invoke('{}', 'victim').then(() => order.push('victim'))

  running.shift()?.(done)
  await settle()
  running.pop()?.(done)
  await settle()

  expect(order).toEqual(['waiting', 'victim'])
})

test('a caller has threads of its own, however long those of the others are busy', async () => {
  const { pool, running } = poolOfFakes({ limit: 1, timeoutSeconds: 60 })
  const [slow, other] = [pool.addCaller(3), pool.addCaller(2)]
  for (let event = 0; event < 3; event++) void slow('{}')
  await vi.advanceTimersByTimeAsync(1000)
  expect(running).toHaveLength(3)

  for (let event = 0; event < 2; event++) void other('{}')
  await vi.advanceTimersByTimeAsync(1000)

  expect(running).toHaveLength(5)
})

test('an invocation that takes too long fails as on Lambda, and its thread is gone', async () => {
  const { pool, onFailure } = poolOfFakes({ timeoutSeconds: 3 })
  const result = pool.invoke('{}')
  await vi.advanceTimersByTimeAsync(3000)

  expect(await result).toEqual({
    ok: false,
    error: {
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 3.00 seconds$/),
    },
  })
  expect(onFailure).toHaveBeenCalledOnce()
  expect(pool.threads()).toEqual([])
})

test('closing lets what runs end, and refuses what waits', async () => {
  const { pool, running } = poolOfFakes({ limit: 1 })
  const first = pool.invoke('{}')
  const second = pool.invoke('{}')
  await settle()

  const closed = pool.close(5000)
  running.shift()?.(done)
  await vi.advanceTimersByTimeAsync(100)
  await closed

  expect(await first).toEqual(done)
  expect(await second).toMatchObject({ ok: false })
  expect(pool.threads()).toEqual([])
})
