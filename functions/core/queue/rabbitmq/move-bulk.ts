import { type InsistPorts, insist } from '../../platform/insist.ts'
import { beforeBulk } from '../names.ts'
import { type FromQueue, messagesOf, RmqEvent } from './event.ts'
import type { Publication } from './link.ts'
import { movedTo } from './receiver.ts'

export interface MovePorts extends InsistPorts {
  /** The number of messages in a queue of this whole name that nobody has yet. Rejects with `Unavailable`. */
  countMessages(queue: string): Promise<number>
  /** Resolves once the broker has confirmed the message. Rejects with `Unavailable`. */
  publish(publication: Publication): Promise<void>
}

/** After this time, messages of a bulk queue move on however many messages of others wait, so that nobody waits for ever. Milliseconds. */
export const PATIENCE_MS = 10_000

/** The first and the longest time between two looks at the queue meanwhile. Milliseconds. */
const LOOK_AGAIN_MS = { first: 25, longest: 2_000 }

/**
 * Moves the messages of one invocation from a bulk queue to the queue before it, once no other message waits there. If the function stops
 * on the way, the messages are moved again: the request's item decides about doubled messages. Rejects with `Unavailable` if the broker stays
 * away until `giveUpAt`, epoch milliseconds.
 */
export async function moveBulk(ports: MovePorts, event: unknown, giveUpAt: number): Promise<void> {
  const taken = messagesOf(RmqEvent.parse(event))
  for (const [bulk, messages] of Map.groupBy(taken, ({ queue }) => queue)) {
    await insist(ports, giveUpAt, () => waitForTurn(ports, beforeBulk(bulk)))
    await moveAll(ports, messages, giveUpAt)
  }
}

async function waitForTurn({ clock, sleep, countMessages }: MovePorts, queue: string): Promise<void> {
  const until = clock() + PATIENCE_MS
  let wait = LOOK_AGAIN_MS.first
  while (clock() < until && (await countMessages(queue)) > 0) {
    await sleep(wait)
    wait = Math.min(2 * wait, LOOK_AGAIN_MS.longest)
  }
}

/** A message that the broker has confirmed is not moved again. */
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
