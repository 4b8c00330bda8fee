import type { InferenceMessage } from '../../functions/core/domain/messages.ts'
import type { aWorker } from './worker.ts'

/** The milliseconds after which a message is redelivered if it was not acknowledged. */
const VISIBILITY_MS = 120_000
const ROUNDS = 100

/**
 * Delivers messages to a worker when they are due, at most `size` in one invocation. It also delivers the messages that the worker
 * defers or does not acknowledge. It advances the clock to the next due message. It throws if there are still messages after ROUNDS
 * invocations.
 */
export async function redeliver(
  { ports, invoke, deferred }: Pick<ReturnType<typeof aWorker>, 'ports' | 'invoke' | 'deferred'>,
  messages: readonly InferenceMessage[],
  size: number,
): Promise<void> {
  let waiting: { body: unknown; due: number }[] = messages.map(body => ({ body, due: ports.clock() }))
  for (let round = 0; waiting.length > 0; round++) {
    if (round === ROUNDS) throw new Error(`${waiting.length} messages come again and again`)
    waiting.sort((a, b) => a.due - b.due)
    // A batch waits one second for more messages.
    ports.advance(Math.max(0, (waiting[0]?.due ?? 0) + 1_000 - ports.clock()))
    const due = waiting.filter(one => one.due <= ports.clock()).slice(0, size)
    waiting = waiting.filter(one => !due.includes(one))
    const seen = deferred().length
    const undone = await invoke(due.map(({ body }) => body))
    const again = due
      .filter((_, i) => undone.includes(i))
      .map(({ body }) => ({ body, due: ports.clock() + VISIBILITY_MS }))
    const sent = deferred().slice(seen)
    waiting.push(
      ...again,
      ...sent.map(({ body, delay_seconds = 0 }) => ({ body, due: ports.clock() + delay_seconds * 1_000 })),
    )
  }
}
