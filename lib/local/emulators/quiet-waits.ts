import { insideFauxqs } from './fair-queues.ts'

// fauxqs, the emulator of SQS, has no API for its timers. So this file changes internals of fauxqs, as fair-queues.ts does. After a change of the
// version of fauxqs, run test/local/quiet-waits.test.ts.
interface Queue {
  readonly pollWaiters: readonly unknown[]
  readonly delayedMessages: readonly { readonly delayUntil?: number | undefined }[]
  readonly inflightMessages: ReadonlyMap<string, { readonly visibilityDeadline: number }>
  pollTimer: NodeJS.Timeout | undefined
  isFifo(): boolean
  processTimers(): void
  startPollTimerIfNeeded(): void
  cancelWaiters(): void
  waitForMessages(seconds: number): Promise<void>
  enqueue(...args: unknown[]): unknown
  dequeue(...args: unknown[]): unknown
  changeVisibility(...args: unknown[]): unknown
}
interface StoreModule {
  SqsQueue: { prototype: Queue }
  SqsStore: { prototype: { createQueue(...args: unknown[]): Queue } }
}

/** Ends the wait of all receives that wait for a message. Later receives do not wait. */
export type EndWaits = () => void

/**
 * While receives wait for a message of a queue, lets the queue sleep until its next delayed or hidden message is due. By itself, fauxqs looks for due
 * messages 50 times per second and queue. In an idle system, this would take more CPU time than everything else. Call this before fauxqs starts.
 */
export async function waitQuietly(): Promise<EndWaits> {
  const { SqsQueue, SqsStore }: StoreModule = await import(insideFauxqs('sqs/sqsStore.js'))
  const queues: Queue[] = []
  let ended = false
  const { createQueue } = SqsStore.prototype
  SqsStore.prototype.createQueue = function (...args) {
    const queue = Reflect.apply(createQueue, this, args)
    queues.push(queue)
    return queue
  }

  const { prototype } = SqsQueue
  const { waitForMessages, startPollTimerIfNeeded } = prototype
  prototype.waitForMessages = function (seconds) {
    return ended ? Promise.resolve() : Reflect.apply(waitForMessages, this, [seconds])
  }
  prototype.startPollTimerIfNeeded = function () {
    if (this.isFifo()) Reflect.apply(startPollTimerIfNeeded, this, [])
    else wakeWhenDue(this)
  }
  for (const name of ['enqueue', 'dequeue', 'changeVisibility'] as const) wakeAfter(prototype, name)

  return () => {
    ended = true
    for (const queue of queues) queue.cancelWaiters()
  }
}

/** After each call of this method, sets the queue's timer again, because the method may change the time at which the next message is due. */
function wakeAfter(prototype: Queue, name: 'enqueue' | 'dequeue' | 'changeVisibility'): void {
  const method = prototype[name]
  prototype[name] = function (...args) {
    const result = Reflect.apply(method, this, args)
    if (this.pollWaiters.length > 0) this.startPollTimerIfNeeded()
    return result
  }
}

function wakeWhenDue(queue: Queue): void {
  clearTimeout(queue.pollTimer)
  queue.pollTimer = undefined
  const due = nextDue(queue)
  if (due === undefined) return
  queue.pollTimer = setTimeout(
    () => {
      queue.pollTimer = undefined
      queue.processTimers()
      if (queue.pollWaiters.length > 0) wakeWhenDue(queue)
    },
    Math.max(0, due - Date.now()),
  )
}

/** Returns the first time at which a hidden or delayed message can be received, in epoch milliseconds. Undefined if there is no such message. */
function nextDue({ delayedMessages, inflightMessages }: Queue): number | undefined {
  let due = Number.POSITIVE_INFINITY
  for (const { delayUntil = 0 } of delayedMessages) due = Math.min(due, delayUntil)
  for (const { visibilityDeadline } of inflightMessages.values()) due = Math.min(due, visibilityDeadline)
  return due === Number.POSITIVE_INFINITY ? undefined : due
}
