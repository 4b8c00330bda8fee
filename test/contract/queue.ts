import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { QueueBackend } from '../../functions/core/queue/port.ts'

export interface QueueEngine {
  readonly queue: QueueBackend
  /** Makes a new, empty queue, and returns its name. */
  createQueue(): Promise<string>
  /** Waits for `count` messages, and returns their parsed bodies. */
  receive(queue: string, count: number): Promise<unknown[]>
  /** Waits for `count` messages, and returns their parsed bodies and their attributes. */
  receiveWithAttributes(queue: string, count: number): Promise<{ body: unknown; attributes: Record<string, string> }[]>
  /** The numbers of messages that can be received and of delayed messages. */
  waiting(queue: string): Promise<{ visible: number; delayed: number }>
  close(): Promise<void>
}

/** Checks a queue: a message that the queue has acknowledged is delivered unchanged (I4). */
export function describeQueueContract(name: string, makeEngine: () => Promise<QueueEngine>): void {
  let engine: QueueEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine.close())

  const send = (queue: string, body: unknown) => engine.queue.send(queue, { body, group: 'u42' })

  describe(`queue on ${name}`, () => {
    it.each([
      { what: 'an object', body: { v: 1, list: [null, true, 1e300, -0.5] } },
      { what: 'null', body: null },
      { what: 'an empty text', body: '' },
      { what: 'emoji', body: '\u{1f600}\u{1f469}\u200d\u{1f680}' },
      { what: 'U+FFFF, U+FFFE and the last character there is', body: '\uffff\ufffe\u{10ffff}' },
      { what: 'control characters', body: '\u0001\u0008\u000b\u001f\u007f\u0085\u2028' },
      { what: 'quotes and backslashes', body: '"\\u0041\\"' },
      { what: 'field names of any text', body: { '': 1, '\u{1f600}\uffff': 2 } },
    ])('the queue delivers $what unchanged', async ({ body }) => {
      const queue = await engine.createQueue()

      await send(queue, body)

      expect(await engine.receive(queue, 1)).toEqual([body])
    })

    it('the queue delivers any JSON value', async () => {
      const queue = await engine.createQueue()
      const bodies = fc.sample(fc.jsonValue({ stringUnit: 'binary' }), { numRuns: 100, seed: 42 })

      await Promise.all(bodies.map((body, i) => send(queue, { i, body })))

      const received = await engine.receive(queue, bodies.length)
      expect(sorted(received)).toEqual(sorted(bodies.map((body, i) => ({ i, body: JSON.parse(JSON.stringify(body)) }))))
    })

    it('the queue delivers each of 57 messages that are sent in parallel exactly once', async () => {
      const queue = await engine.createQueue()

      await Promise.all(Array.from({ length: 57 }, (_, i) => send(queue, { i })))

      expect(sorted(await engine.receive(queue, 57))).toEqual(Array.from({ length: 57 }, (_, i) => ({ i })))
      expect(await engine.waiting(queue)).toMatchObject({ visible: 0, delayed: 0 })
    })

    it('the queue delivers messages that are sent in parallel and together exceed 1 MiB, and a message of almost 1 MiB', async () => {
      const queue = await engine.createQueue()
      const bodies = [400_000, 400_000, 400_000, 1_000_000, 10].map((length, i) => ({ i, text: 'x'.repeat(length) }))

      await Promise.all(bodies.map(body => send(queue, body)))

      expect(sorted(await engine.receive(queue, 5))).toEqual(bodies)
    })

    it('the queue delivers the attributes of a message, whether it is sent alone or in a batch', async () => {
      const queue = await engine.createQueue()
      const attributes = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', sent_at: '1' }

      await engine.queue.send(queue, { body: { i: 0 }, group: 'u42', attributes })
      await Promise.all([engine.queue.send(queue, { body: { i: 1 }, group: 'u42', attributes }), send(queue, { i: 2 })])

      const received = await engine.receiveWithAttributes(queue, 3)
      expect(received.toSorted((a, b) => JSON.stringify(a.body).localeCompare(JSON.stringify(b.body)))).toEqual([
        { body: { i: 0 }, attributes },
        { body: { i: 1 }, attributes },
        { body: { i: 2 }, attributes: {} },
      ])
    })

    it('the queue delivers a message only to its own queue', async () => {
      const [a, b] = [await engine.createQueue(), await engine.createQueue()]

      await Promise.all([send(a, { to: 'a' }), send(b, { to: 'b' })])

      expect(await engine.receive(a, 1)).toEqual([{ to: 'a' }])
      expect(await engine.receive(b, 1)).toEqual([{ to: 'b' }])
    })

    it('the queue delays a message by up to the longest delay of the backend, whether it is sent alone or in a batch', async () => {
      const queue = await engine.createQueue()
      const delayed = { body: { i: 0 }, group: 'u42', delay_seconds: engine.queue.capabilities.max_delay_seconds }

      await engine.queue.send(queue, delayed)
      await Promise.all([engine.queue.send(queue, delayed), send(queue, { i: 1 })])

      expect(await engine.waiting(queue)).toEqual({ visible: 1, delayed: 2 })
      expect(await engine.receive(queue, 1)).toEqual([{ i: 1 }])
    })

    it('the queue fails with Defect for a message to a missing queue, and sends later messages to other queues', async () => {
      const queue = await engine.createQueue()

      await expect(send('no-such-queue', {})).rejects.toThrow('a call of the queue failed by a defect')
      await send(queue, { i: 1 })

      expect(await engine.receive(queue, 1)).toEqual([{ i: 1 }])
    })

    it('the queue refuses only the message that is too large, and not the messages that are sent with it', async () => {
      const queue = await engine.createQueue()

      const [tooLarge, small] = await Promise.allSettled([send(queue, 'x'.repeat(1_100_000)), send(queue, { i: 1 })])

      expect([tooLarge.status, small.status]).toEqual(['rejected', 'fulfilled'])
      expect(await engine.receive(queue, 1)).toEqual([{ i: 1 }])
    })
  })
}

const sorted = (bodies: unknown[]) => (bodies as { i: number }[]).toSorted((a, b) => a.i - b.i)
