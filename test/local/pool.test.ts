import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createPool, type PoolOptions } from '../../lib/local/lambda/pool.ts'
import type { InvocationResult } from '../../lib/local/lambda/protocol.ts'
import type { Thread } from '../../lib/local/lambda/thread.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/**
 * The pool of a function’s threads, with fake threads. The test ends their invocations. A thread has imported its handler at
 * once, or when `imported` resolves.
 */
function poolOfFakes(
  { limit = 20, timeoutSeconds = 3, usual = 20, perThread = 1 }: Partial<PoolOptions> = {},
  imported: Promise<unknown> = Promise.resolve(),
) {
  const running: ((result: InvocationResult) => void)[] = []
  /** The threads of all invocations, in the order in which the invocations began. */
  const threadIds: number[] = []
  /** Functions that tell the pool that a thread must not get further invocations, by the id of the thread. */
  const unfit = new Map<number, () => void>()
  let started = 0
  const start: PoolOptions['start'] = (onUnfit): Thread => {
    const ended = Promise.withResolvers<void>()
    const id = ++started
    unfit.set(id, onUnfit)
    return {
      id,
      imported: imported.then(() => undefined),
      ended: ended.promise,
      invoke: () => {
        threadIds.push(id)
        return new Promise(resolve => running.push(resolve))
      },
      terminate: async () => ended.resolve(),
    }
  }
  const onFailure = vi.fn()
  const pool = createPool({ start, limit, timeoutSeconds, usual, perThread, onFailure })
  return { pool, running, threadIds, unfit, onFailure }
}

const done: InvocationResult = { ok: true, payload: '1' }
const settle = () => vi.advanceTimersByTimeAsync(0)

test('above the usual number of threads, a pool starts a further thread only after all threads were busy for a second', async () => {
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

test('a pool starts further threads one after the other, without a pause before each, if all threads are busy for long', async () => {
  const { pool } = poolOfFakes({ usual: 4, limit: 12 })
  for (let event = 0; event < 12; event++) void pool.invoke('{}')

  await vi.advanceTimersByTimeAsync(2_500)

  expect(pool.threads()).toHaveLength(12)
})

test('endIdle ends the threads without an invocation, and the next event starts another thread', async () => {
  const { pool, running } = poolOfFakes()
  void pool.invoke('{}')
  void pool.invoke('{}')
  await settle()
  running.shift()?.(done)
  await settle()

  pool.endIdle()
  await settle()
  expect(pool.threads()).toEqual([{ id: expect.any(Number), busy: true }])

  const next = pool.invoke('{}')
  await settle()
  running.at(-1)?.(done)
  expect(await next).toEqual(done)
})

test('a pool that is warmed up has a thread for the next event, and the thread ends after 20 s without an event', async () => {
  const { pool, threadIds } = poolOfFakes()
  pool.warm()
  pool.warm()
  await settle()
  expect(pool.threads()).toEqual([{ id: expect.any(Number), busy: false }])

  void pool.invoke('{}')
  await settle()
  expect(threadIds).toEqual([pool.threads()[0]?.id])

  const { pool: unused } = poolOfFakes()
  unused.warm()
  await vi.advanceTimersByTimeAsync(19_999)
  expect(unused.threads()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(unused.threads()).toEqual([])
})

test('a pool starts a third thread only after 100 ms without a free thread', async () => {
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

test('a pool never has more threads than its limit, and runs waiting events in their order', async () => {
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

test('a caller of the pool with many events delays another caller only until the next thread is free', async () => {
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

test('callers that wait for a thread of the pool take turns, even if one of them calls more often', async () => {
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

test('a pool serves a caller with fewer running invocations before a caller with more, even if the former has called later', async () => {
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

test('a caller that was added to the pool has its own threads, which other callers can’t use up', async () => {
  const { pool, running } = poolOfFakes({ limit: 1, timeoutSeconds: 60 })
  const [slow, other] = [pool.addCaller(3), pool.addCaller(2)]
  for (let event = 0; event < 3; event++) void slow('{}')
  await vi.advanceTimersByTimeAsync(1000)
  expect(running).toHaveLength(3)

  for (let event = 0; event < 2; event++) void other('{}')
  await vi.advanceTimersByTimeAsync(1000)

  expect(running).toHaveLength(5)
})

test('an invocation that exceeds its timeout fails with the same error as on Lambda, and its thread ends', async () => {
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

test('an event that waits for a thread never runs after its caller has aborted, but a running event continues', async () => {
  const { pool, running, onFailure } = poolOfFakes({ limit: 1 })
  const caller = new AbortController()
  const first = pool.invoke('{}', 'a', caller.signal)
  const second = pool.invoke('{}', 'a', caller.signal)
  const third = pool.invoke('{}', 'a')
  await settle()

  caller.abort()

  expect(await second).toMatchObject({ ok: false, error: { errorType: 'TooManyRequestsException' } })
  expect(onFailure).toHaveBeenCalledOnce()
  expect(running).toHaveLength(1)
  running.shift()?.(done)
  expect(await first).toEqual(done)
  await settle()
  running.shift()?.(done)
  expect(await third).toEqual(done)
  await settle()
  expect(running).toEqual([])
})

test('a pool that is closed lets running events end, and refuses waiting events', async () => {
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

test('a pool that is closed reports no failure of the events that it has ended', async () => {
  const { pool, running, onFailure } = poolOfFakes({ limit: 2, timeoutSeconds: 60 })
  const [failing, ended, waiting] = ['{}', '{}', '{}'].map(event => pool.invoke(event))
  await settle()

  const closed = pool.close(5000)
  running.shift()?.({ ok: false, error: { errorType: 'Error', errorMessage: 'the handler threw' } })
  await vi.advanceTimersByTimeAsync(5000)
  await closed
  running.shift()?.({ ok: false, error: { errorType: 'Runtime.ExitError', errorMessage: 'exit status 1' } })

  const stopping = { ok: false, error: { errorMessage: 'The local system is stopping.' } }
  expect(await ended).toMatchObject(stopping)
  expect(await waiting).toMatchObject(stopping)
  expect(await failing).toMatchObject({ ok: false, error: { errorMessage: 'the handler threw' } })
  expect(onFailure.mock.calls.map(([{ errorMessage }]) => errorMessage)).toEqual(['the handler threw'])
})

test('a thread of a pool ends after 10 s without an invocation, and the last thread after 20 s', async () => {
  const { pool, running } = poolOfFakes()
  for (let event = 0; event < 2; event++) void pool.invoke('{}')
  await settle()
  for (const end of running) end(done)
  await settle()
  expect(pool.threads()).toHaveLength(2)

  await vi.advanceTimersByTimeAsync(10_000)
  expect(pool.threads()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(9_999)
  expect(pool.threads()).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(pool.threads()).toEqual([])

  void pool.invoke('{}')
  await settle()
  expect(pool.threads()).toHaveLength(1)
})

describe('a pool whose invocations share threads', () => {
  const Large = JSON.stringify('x'.repeat(300_000))

  test('starts invocations in one thread until it has as many as allowed, and then in another thread', async () => {
    const { pool, threadIds } = poolOfFakes({ perThread: 3 })
    for (let event = 0; event < 4; event++) void pool.invoke('{}')
    await settle()

    expect(threadIds).toEqual([1, 1, 1, 2])
    expect(pool.threads()).toHaveLength(2)
  })

  test('runs at most as many invocations as the limit allows, and callers that wait take turns', async () => {
    const { pool, running } = poolOfFakes({ limit: 2, perThread: 10 })
    const order: string[] = []
    for (let event = 0; event < 5; event++) void pool.invoke('{}', 'flooding').then(() => order.push('flooding'))
    void pool.invoke('{}', 'other').then(() => order.push('other'))
    await settle()
    expect(running).toHaveLength(2)

    for (let event = 0; event < 3; event++) {
      running.shift()?.(done)
      await settle()
    }

    expect(order).toEqual(['flooding', 'other', 'flooding'])
    expect(pool.threads()).toHaveLength(1)
  })

  test('a pool runs an invocation with a large event alone in a thread', async () => {
    const { pool, running, threadIds } = poolOfFakes({ perThread: 10 })
    void pool.invoke('{}')
    await settle()
    void pool.invoke(Large)
    void pool.invoke(Large)
    await settle()
    void pool.invoke('{}')
    await settle()
    expect(threadIds).toEqual([1, 2, 3, 1])

    running[1]?.(done)
    await settle()
    void pool.invoke(Large)
    await settle()
    expect(threadIds.at(-1)).toBe(2)
  })

  test('a pool starts a thread for an invocation with a large event even if all other threads run invocations', async () => {
    const { pool, threadIds } = poolOfFakes({ perThread: 2, limit: 4, timeoutSeconds: 60 })
    for (let event = 0; event < 3; event++) void pool.invoke('{}')
    await settle()

    void pool.invoke(Large)
    await settle()

    expect(threadIds).toEqual([1, 1, 2, 3])
  })

  test('if large and small events wait, a pool runs an event of each kind in turn when an invocation ends, so neither kind waits for ever', async () => {
    const { pool, running, threadIds } = poolOfFakes({ perThread: 10, limit: 3, timeoutSeconds: 60 })
    for (let event = 0; event < 9; event++) void pool.invoke('{}')
    await settle()
    for (let event = 0; event < 3; event++) void pool.invoke(Large)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(threadIds).toEqual([1, 1, 1])
    // Although three large events wait, only one thread was started for them.
    expect(pool.threads()).toHaveLength(2)

    for (let event = 0; event < 4; event++) {
      running.shift()?.(done)
      await settle()
    }

    expect(threadIds.slice(3)).toEqual([2, 1, 3, 1])
  })

  test('if an invocation exceeds its timeout, only this invocation fails; its thread gets no further invocation, and ends after the others that it runs', async () => {
    const { pool, running, threadIds } = poolOfFakes({ perThread: 10, timeoutSeconds: 10 })
    const late = pool.invoke('{}')
    await vi.advanceTimersByTimeAsync(6_000)
    const other = pool.invoke('{}')
    await vi.advanceTimersByTimeAsync(4_000)
    expect(await late).toMatchObject({ ok: false, error: { errorType: 'Sandbox.Timedout' } })

    void pool.invoke('{}')
    await settle()
    expect(threadIds).toEqual([1, 1, 2])
    expect(pool.threads().map(({ id }) => id)).toEqual([1, 2])
    running[1]?.(done)
    expect(await other).toEqual(done)
    await settle()
    expect(pool.threads().map(({ id }) => id)).toEqual([2])
  })

  test('if no invocation of a thread ends, the pool ends the thread at the last of the invocations’ timeouts', async () => {
    const { pool } = poolOfFakes({ perThread: 10, timeoutSeconds: 10 })
    void pool.invoke('{}')
    await vi.advanceTimersByTimeAsync(6_000)
    void pool.invoke('{}')

    await vi.advanceTimersByTimeAsync(9_999)
    expect(pool.threads()).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(pool.threads()).toEqual([])
  })

  test('a pool gives a thread that holds too much memory no further invocation, and ends the thread after the invocations that it runs', async () => {
    const { pool, running, threadIds, unfit } = poolOfFakes({ perThread: 10, timeoutSeconds: 60 })
    const first = pool.invoke('{}')
    await settle()

    unfit.get(1)?.()
    void pool.invoke('{}')
    await settle()
    expect(threadIds).toEqual([1, 2])

    running[0]?.(done)
    expect(await first).toEqual(done)
    await settle()
    expect(pool.threads().map(({ id }) => id)).toEqual([2])
  })

  test('a pool ends a thread at once if the thread holds too much memory while it runs no invocation', async () => {
    const { pool, running, threadIds, unfit } = poolOfFakes({ perThread: 10, timeoutSeconds: 60 })
    void pool.invoke('{}')
    await settle()
    running[0]?.(done)
    await settle()

    unfit.get(1)?.()
    await settle()
    expect(pool.threads()).toEqual([])

    void pool.invoke('{}')
    await settle()
    expect(threadIds).toEqual([1, 2])
  })

  test('if a thread holds too much memory after the import of its handler, the pool lets it run the waiting events, and then ends it', async () => {
    const { promise: imported, resolve } = Promise.withResolvers()
    const { pool, running, unfit } = poolOfFakes({ perThread: 10, timeoutSeconds: 60 }, imported)
    const first = pool.invoke('{}')
    unfit.get(1)?.()
    resolve(undefined)
    await settle()

    running[0]?.(done)
    expect(await first).toEqual(done)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(pool.threads()).toEqual([])
  })
})
