import type { createConsumers } from './consumers.ts'
import type { createOperations } from './operations.ts'
import { evenly } from './random.ts'
import type { System } from './system.ts'

const SECOND = 1_000
const MINUTE = 60_000
const DAY = 86_400_000

/** While this number of invocations runs, no further operation starts. More invocations would make histories longer, and would find no more bugs. */
const MAX_RUNNING = 8

/** Picks the next event while faults are on: a call, a delivery, an operation, a fault, or the passing of time. */
export function createTrouble(
  { world, known, services: { queues } }: System,
  consumers: ReturnType<typeof createConsumers>,
  operations: ReturnType<typeof createOperations>,
) {
  const { choices } = world
  const allMessages = () =>
    [...queues.stored.values()].flatMap(({ name, messages }) =>
      [...messages.values()].map(message => ({ name, message })),
    )

  /** Disturbs one message: delivers it early or twice, or moves it to the dead letters. Real queues may do each of these things at any time. */
  function disturb(): void {
    const messages = allMessages()
    if (messages.length === 0 || !world.spend()) return
    const { name, message } = choices.of(evenly(messages))
    const [what, happen] = choices.of(evenly(Object.entries(queues.disturbances)))
    world.trace(() => `-- ${message.id} of ${name} ${what}`)
    happen(name, message)
  }

  function breakDown(): void {
    if (world.spend()) world.breakDown()
  }

  /** The time at which the next message or sleeping invocation is due. Infinite if there is none. */
  function nextDue(): number {
    const times = allMessages().map(({ message }) => message.visible_at)
    return Math.min(...[...times, world.nextTimer()].filter(time => time > world.clock()))
  }

  /** One second before the next deadline of a queued request. Infinite if no request is queued. */
  function nextDeadline(): number {
    const waiting = [...known.items.values()].filter(({ status }) => status === 'queued')
    return Math.min(...waiting.map(({ deadline }) => deadline - SECOND).filter(time => time > world.clock()))
  }

  /** Advances the clock. A long wait ends running invocations, so it uses up one fault if any invocation runs. */
  function passTime(): void {
    const now = world.clock()
    const isFree = world.running() === 0 || world.spend()
    const due = nextDue()
    const soon = Number.isFinite(due) && (isFree || due < now + 20 * SECOND) ? due : now + SECOND
    const long: readonly (readonly [number, number])[] = [
      [3, now + 130 * SECOND],
      [2, now + 6 * MINUTE],
      [1, now + 35 * MINUTE],
      [Number.isFinite(nextDeadline()) ? 1 : 0, nextDeadline()],
      [0.3, Math.ceil((now + 1) / DAY) * DAY],
      [0.1, now + DAY + MINUTE],
    ]
    world.advanceTo(choices.of([[4, soon], [4, now + SECOND], [3, now + 15 * SECOND], ...(isFree ? long : [])]))
  }

  return {
    nextDue,
    next(mayOperate: boolean): void {
      const ready = consumers.ready()
      const mayFail = world.faultsLeft() > 0
      const isDown = world.isDown()
      const moves: readonly (readonly [number, () => void])[] = [
        [world.isBusy() ? 12 : 0, world.stepAny],
        [ready.length > 0 ? 5 : 0, () => consumers.deliver(choices.of(evenly(ready)))],
        [mayOperate && world.running() < MAX_RUNNING ? 3 : 0, operations.next],
        [isDown ? 1 : 0, world.recover],
        [world.isHoldingUp() ? 0.4 : 0, world.letOneGo],
        [0.8, passTime],
        [mayFail ? 0.5 : 0, disturb],
        [mayFail && !isDown ? 0.2 : 0, breakDown],
        [world.running('sweeper') < 2 ? 0.5 : 0, consumers.sweep],
      ]
      choices.of(moves.filter(([weight]) => weight > 0))()
    },
  }
}
