import { type InsistPorts, insist } from '../../platform/insist.ts'
import { beforeBulk } from '../names.ts'
import { type FromQueue, messagesOf, RmqEvent } from './event.ts'
import type { Publication } from './link.ts'
import { movedTo } from './receiver.ts'

export interface MovePorts extends InsistPorts {
  /**
   * Returns the number of messages in the queue with this whole name (prefix included) that no function has taken yet.
   * Rejects with `Unavailable` if the service can't be reached.
   */
  countMessages(queue: string): Promise<number>
  /** Resolves once the broker has confirmed the message. Rejects with `Unavailable` if the service can't be reached. */
  publish(publication: Publication): Promise<void>
  /**
   * Returns the longest time in milliseconds for which the worker of a queue of this whole name takes no messages,
   * because it calls the model. After this time, the worker has taken the messages that an earlier invocation has moved
   * to an otherwise empty queue.
   */
  longestCall(queue: string): number
}

/**
 * The shortest wait after which messages are moved although nothing shows that the worker takes messages from its
 * queue. Without such an end of the wait, the messages of the bulk queue might never run. Milliseconds.
 */
export const PATIENCE_MS = 10_000

/** The first and the longest time between two looks at the queue during this wait. Milliseconds. */
const LOOK_AGAIN_MS = { first: 25, longest: 2_000 }

/**
 * Moves the messages of one invocation from a bulk queue to the worker's queue, after the worker has taken the messages
 * that wait in its queue. A bulk queue holds the messages of users with many open requests. Without the wait, these
 * messages would pile up in the worker's queue in front of the messages of other users. If the function stops in the
 * middle, the messages are moved again. A message that then exists twice does no harm, because its request can be
 * claimed only once. Rejects with `Unavailable` if the broker can't be reached until `giveUpAt` (epoch milliseconds).
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
 * Waits until all messages that wait in the queue at the first look have been taken. The queue is first in, first out.
 * So all messages of earlier invocations have been taken then, however slow the worker is. Messages that came later are
 * not waited for, so the wait always ends.
 *
 * The function sees only the length of the queue. If as many messages come as are taken between two looks, the length
 * does not change, and the function can't see that messages were taken. So the wait also ends if the length has not
 * fallen for longer than a call takes. It also ends at `giveUpAt`.
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
