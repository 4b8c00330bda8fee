import { insideFauxqs } from './fair-queues.ts'

interface Message {
  delayUntil?: number
}
interface Queue {
  readonly inflightMessages: ReadonlyMap<string, { readonly visibilityDeadline: number }>
  readonly delayedMessages: readonly Message[]
  readonly pollWaiters: readonly unknown[]
  pollTimer: NodeJS.Timeout | undefined
  isFifo(): boolean
  processTimers(): void
  enqueue(message: Message): void
  changeVisibility(receiptHandle: string, seconds: number): void
  startPollTimerIfNeeded(): void
  stopPollTimerIfEmpty(): void
}
interface StoreModule {
  SqsQueue: { prototype: Queue }
}

/** The longest time that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Wakes waiting receives when the next message becomes visible. By itself, fauxqs looks at each queue that somebody waits for 50 times per
 * second. Call this before fauxqs starts.
 */
export async function wakeWaitsOnTime(): Promise<void> {
  const { SqsQueue }: StoreModule = await import(insideFauxqs('sqs/sqsStore.js'))
  const { prototype } = SqsQueue
  const { startPollTimerIfNeeded, enqueue, changeVisibility } = prototype
  /** When the timer of a queue fires. */
  const wakesAt = new WeakMap<Queue, number>()

  function wake(queue: Queue, at: number): void {
    if (queue.pollTimer && (wakesAt.get(queue) ?? 0) <= at) return
    clearTimeout(queue.pollTimer)
    wakesAt.set(queue, at)
    queue.pollTimer = setTimeout(
      () => {
        queue.pollTimer = undefined
        queue.processTimers()
        if (queue.pollWaiters.length > 0) queue.startPollTimerIfNeeded()
      },
      Math.min(Math.max(at - Date.now(), 1), MAX_TIMER_MS),
    )
  }

  prototype.startPollTimerIfNeeded = function () {
    if (this.isFifo()) return Reflect.apply(startPollTimerIfNeeded, this, [])
    const at = nextVisible(this)
    if (at < Number.POSITIVE_INFINITY) wake(this, at)
  }
  prototype.enqueue = function (message) {
    Reflect.apply(enqueue, this, [message])
    if (message.delayUntil && this.pollWaiters.length > 0 && !this.isFifo()) wake(this, message.delayUntil)
  }
  prototype.changeVisibility = function (receiptHandle, seconds) {
    Reflect.apply(changeVisibility, this, [receiptHandle, seconds])
    if (this.pollWaiters.length > 0 && !this.isFifo()) this.startPollTimerIfNeeded()
  }
}

/** When the next message becomes visible that is delayed or was received. */
function nextVisible({ inflightMessages, delayedMessages }: Queue): number {
  let next = Number.POSITIVE_INFINITY
  for (const { visibilityDeadline } of inflightMessages.values()) next = Math.min(next, visibilityDeadline)
  for (const { delayUntil = 0 } of delayedMessages) next = Math.min(next, delayUntil)
  return next
}
