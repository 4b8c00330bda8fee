import { describe, expect, it } from 'vitest'
import { Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import type { Publication } from '../../../../../../functions/core/queue/rabbitmq/link.ts'
import { moveBulk, PATIENCE_MS } from '../../../../../../functions/core/queue/rabbitmq/move-bulk.ts'

const AWAY = new Unavailable('the queue', new Error('connect ECONNREFUSED'))
const GIVE_UP_AT = 60_000

const anEvent = (...bodies: readonly string[]) => ({
  rmqMessagesByQueue: {
    'shop-inference-text-normal-bulk::/': bodies.map(body => ({
      basicProperties: {
        messageId: `id of ${body}`,
        headers: { traceparent: { bytes: [...Buffer.from('00-1')] }, 'x-death': [] },
        contentType: 'application/json',
      },
      redelivered: false,
      data: Buffer.from(body).toString('base64'),
    })),
  },
})

/**
 * Moves the messages of an event from a bulk queue to the worker’s queue. `counts` has the number of messages in the worker’s
 * queue at each count. `errors` has the error of each send, or undefined for a send that succeeds.
 */
async function move(event: unknown, { counts = [0], errors = [] as (Error | undefined)[] } = {}) {
  let now = 0
  const counted: string[] = []
  const published: Publication[] = []
  const ports = {
    countMessages: async (queue: string) => {
      counted.push(queue)
      return counts[Math.min(counted.length, counts.length) - 1] ?? 0
    },
    publish: async (publication: Publication) => {
      const error = errors.shift()
      if (error) throw error
      published.push(publication)
    },
    longestCall: () => 0,
    clock: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }
  const failure = await moveBulk(ports, event, GIVE_UP_AT).catch((error: unknown) => error)
  return { counted, published, failure, now }
}

/**
 * The worker’s queue, and a worker that takes one batch of messages per call. A call takes `call` milliseconds. Messages of
 * other users come every `othersEvery` milliseconds.
 */
function aSlowWorker({ call = 60_000, batch = 4, othersEvery = Number.POSITIVE_INFINITY } = {}) {
  let now = 0
  const queue: string[] = []
  const taken: string[] = []
  const ports = {
    countMessages: async () => queue.length,
    publish: async ({ content }: Publication) => {
      queue.push(String(content))
    },
    longestCall: () => call,
    clock: () => now,
    sleep: async (ms: number) => {
      for (const end = now + ms; now < end; now++) {
        if (now % call === 0) taken.push(...queue.splice(0, batch))
        if (now % othersEvery === 1) queue.push('other')
      }
    },
  }
  const invoke = (n: number) => moveBulk(ports, anEvent(`bulk ${n}`, `bulk ${n}`), now + 20 * call)
  return { queue, taken, invoke }
}

describe('moveBulk: the bulk queue of a slow worker', () => {
  it('has at most half a batch of its messages in the worker’s queue, so messages of other users wait little behind them', async () => {
    const { queue, taken, invoke } = aSlowWorker()
    let most = 0

    for (let n = 0; n < 20; n++) {
      await invoke(n)
      most = Math.max(most, queue.length)
    }

    expect(most).toBe(2)
    expect(taken.length).toBeGreaterThan(30)
  })

  it('the messages of the bulk queue move at a steady rate, even if messages of other users come all the time', async () => {
    const { queue, taken, invoke } = aSlowWorker({ othersEvery: 20_000 })
    queue.push(...Array<string>(8).fill('other'))
    let most = 0

    for (let n = 0; n < 20; n++) {
      await invoke(n)
      most = Math.max(most, queue.filter(one => one !== 'other').length)
    }

    expect(most).toBe(2)
    expect(taken.filter(one => one === 'other').length).toBeGreaterThan(20)
    expect(taken.filter(one => one !== 'other').length).toBeGreaterThan(20)
  })
})

describe('moveBulk: the messages of a bulk queue, i.e. of users with many open requests,', () => {
  it('move unchanged to the worker’s queue if the worker’s queue is empty', async () => {
    const { counted, published, now } = await move(anEvent('a'))

    expect(counted).toEqual(['shop-inference-text-normal'])
    expect(published).toEqual([
      {
        exchange: '',
        key: 'shop-inference-text-normal',
        content: Buffer.from('a'),
        options: { messageId: 'id of a', contentType: 'application/json', headers: { traceparent: '00-1' } },
      },
    ])
    expect(now).toBe(0)
  })

  it('messages of a bulk queue wait while the worker’s queue has messages of other users', async () => {
    const { counted, published, now } = await move(anEvent('a', 'b'), { counts: [5, 5, 1, 0] })

    expect(counted).toHaveLength(4)
    expect(published).toHaveLength(2)
    expect(now).toBeGreaterThan(0)
    expect(now).toBeLessThan(PATIENCE_MS)
  })

  it('messages of a bulk queue move after a limited time, even if the worker’s queue has messages of other users all the time', async () => {
    const { published, now } = await move(anEvent('a'), { counts: [100] })

    expect(published).toHaveLength(1)
    expect(now).toBeGreaterThanOrEqual(PATIENCE_MS)
    expect(now).toBeLessThan(GIVE_UP_AT)
  })

  it('messages of a bulk queue move exactly once each, even if the broker can’t be reached for a part of the sends', async () => {
    const { published, failure } = await move(anEvent('a', 'b', 'c'), { errors: [undefined, AWAY, undefined, AWAY] })

    expect(failure).toBeUndefined()
    expect(published.map(({ content }) => String(content)).sort()).toEqual(['a', 'b', 'c'])
  })

  it('if the broker can’t be reached until the end of the invocation, the whole batch of the bulk queue is redelivered', async () => {
    const { failure, now } = await move(anEvent('a'), { errors: Array(1_000).fill(AWAY) })

    expect(failure).toBe(AWAY)
    expect(now).toBeLessThan(GIVE_UP_AT)
  })
})
