import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { insideFauxqs } from '../../lib/local/emulators/fair-queues.ts'
import { type EndWaits, waitQuietly } from '../../lib/local/emulators/quiet-waits.ts'

interface Message {
  readonly messageId: string
  readonly messageAttributes: object
  readonly delayUntil?: number
  approximateReceiveCount: number
}
interface Queue {
  enqueue(message: Message): void
  dequeue(count: number, visibilitySeconds?: number): { MessageId: string; ReceiptHandle: string }[]
  changeVisibility(receiptHandle: string, seconds: number): void
  waitForMessages(seconds: number): Promise<void>
}
interface Store {
  createQueue(name: string, url: string, arn: string, attributes: object): Queue
}

let store: Store
let endWaits: EndWaits
let count = 0

beforeAll(async () => {
  endWaits = await waitQuietly()
  const { SqsStore } = await import(insideFauxqs('sqs/sqsStore.js'))
  store = new SqsStore()
  vi.useFakeTimers()
})
afterAll(() => void vi.useRealTimers())

const newQueue = () =>
  store.createQueue(`q${count++}`, `http://sqs/${count}`, `arn:${count}`, { VisibilityTimeout: '60' })

const message = (messageId: string, delayMs?: number): Message => ({
  messageId,
  messageAttributes: {},
  approximateReceiveCount: 0,
  ...(delayMs !== undefined && { delayUntil: Date.now() + delayMs }),
})

/** Receives messages and waits for them, with the same calls of the queue as in fauxqs, the emulator of SQS. */
async function receive(queue: Queue, seconds: number): Promise<string[]> {
  await queue.waitForMessages(seconds)
  return queue.dequeue(10).map(({ MessageId }) => MessageId)
}

test('a receive that waits for messages of an empty queue sets only one timer, for the end of its wait, and does not look for messages again and again', async () => {
  const queue = newQueue()
  const received = receive(queue, 20)
  expect(vi.getTimerCount()).toBe(1)

  await vi.advanceTimersByTimeAsync(20_000)

  expect(await received).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})

test('a delayed message ends the wait of a receive at the end of its delay, also if the message was sent before the wait', async () => {
  const queue = newQueue()
  queue.enqueue(message('before', 5_000))
  const first = receive(queue, 20)
  queue.enqueue(message('during', 3_000))

  await vi.advanceTimersByTimeAsync(2_999)
  expect(queue.dequeue(10)).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(await first).toEqual(['during'])

  const second = receive(queue, 20)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(await second).toEqual(['before'])
  expect(vi.getTimerCount()).toBe(0)
})

test('a message ends the wait of a receive when its visibility timeout ends or is shortened', async () => {
  const queue = newQueue()
  queue.enqueue(message('crashed'))
  queue.enqueue(message('returned'))
  const taken = queue.dequeue(2, 30)
  const first = receive(queue, 20)
  queue.changeVisibility(taken[1]?.ReceiptHandle ?? '', 10)

  await vi.advanceTimersByTimeAsync(10_000)
  expect(await first).toEqual(['returned'])

  const second = receive(queue, 20)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(await second).toEqual(['crashed'])
})

test('a message that another receive takes during a wait ends the wait when its visibility timeout is over', async () => {
  const queue = newQueue()
  const waits = [receive(queue, 20), receive(queue, 20)]
  queue.enqueue(message('wanted'))
  expect((await Promise.all(waits.slice(0, 1))).flat()).toEqual(['wanted'])
  expect(await waits[1]).toEqual([])

  const third = receive(queue, 120)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await third).toEqual(['wanted'])
})

test('endWaits ends all current waits of receives, and later waits end at once', async () => {
  const [one, other] = [newQueue(), newQueue()]
  other.enqueue(message('later', 900_000))
  const waits = [receive(one, 20), receive(other, 20)]

  endWaits()

  expect(await Promise.all(waits)).toEqual([[], []])
  expect(await receive(one, 20)).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})
