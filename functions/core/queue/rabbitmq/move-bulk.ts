import { type InsistPorts, insist } from '../../platform/insist.ts'
import { beforeBulk } from '../names.ts'
import { type FromQueue, messagesOf, RmqEvent } from './event.ts'
import type { Publication } from './link.ts'
import { movedTo } from './receiver.ts'

export interface MovePorts extends InsistPorts {
  /** Returns the number of messages in a queue of this whole name that nobody has yet. Rejects with `Unavailable`. */
  countMessages(queue: string): Promise<number>
  /** Resolves once the broker has confirmed the message. Rejects with `Unavailable`. */
  publish(publication: Publication): Promise<void>
  /**
   * Returns the longest time in milliseconds for which the worker of a queue of this whole name takes no messages,
   * because it calls the model. What an earlier invocation has moved to a queue without other messages is taken by
   * then.
   */
  longestCall(queue: string): number
}

/**
 * The shortest wait after which messages of a bulk queue move on although the mover has not seen that a message was
 * taken. Milliseconds.
 */
export const PATIENCE_MS = 10_000

/** The first and the longest time between two looks at the queue during this wait. Milliseconds. */
const LOOK_AGAIN_MS = { first: 25, longest: 2_000 }

/**
 * Moves the messages of one invocation from a bulk queue to the queue before it, when the earlier messages there have
 * been taken. If the function stops in the middle, the messages are moved again, and the request's item decides about
 * doubled messages. Rejects with `Unavailable` if the broker can't be reached until `giveUpAt` (epoch milliseconds).
 */
export async function moveBulk(ports: MovePorts, event: unknown, giveUpAt: number): Promise<void> {
  const taken = messagesOf(RmqEvent.parse(event))
  for (const [bulk, messages] of Map.groupBy(taken, ({ queue }) => queue)) {
    const queue = beforeBulk(bulk)
    await insist(ports, giveUpAt, () => waitForTurn(ports, queue, giveUpAt))
    await moveAll(ports, messages, giveUpAt)
  }
}

/**
 * Waits until all messages that wait in the queue at the first look have been taken. The queue is first in, first out,
 * so all messages that wait afterwards came later. So none of them was moved by an earlier invocation, however slow the
 * worker is, and no message waits for ever.
 *
 * If the number of new messages between two looks is equal to the number of taken messages, the function can't see that
 * messages were taken. So the wait also ends if it has not seen a taken message for longer than a call takes. It also
 * ends at `giveUpAt`.
 */
async function waitForTurn(ports: MovePorts, queue: string, giveUpAt: number): Promise<void> {
  const { clock, sleep, countMessages } = ports
  const patience = Math.max(PATIENCE_MS, ports.longestCall(queue))
  let wait = LOOK_AGAIN_MS.first
  let waiting = await countMessages(queue)
  let ahead = waiting
  let until = clock() + patience
  while (ahead > 0 && clock() < Math.min(until, giveUpAt)) {
    await sleep(wait)
    wait = Math.min(2 * wait, LOOK_AGAIN_MS.longest)
    const now = await countMessages(queue)
    if (now < waiting) until = clock() + patience
    ahead = Math.min(ahead - Math.max(0, waiting - now), now)
    waiting = now
  }
}

/** Moves all messages. If some fail, only the messages that the broker has not confirmed are moved again. */
async function moveAll(ports: MovePorts, messages: readonly FromQueue[], giveUpAt: number): Promise<void> {
  const left = new Set(messages)
  const moveOne = async (from: FromQueue): Promise<void> => {
    await ports.publish(movedTo(beforeBulk(from.queue), from))
    left.delete(from)
  }
  await insist(ports, giveUpAt, async () => {
    const results = await Promise.allSettled([...left].map(moveOne))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  })
}
