import { InferenceMessage } from '../../functions/core/domain/messages.ts'
import { sweep } from '../../functions/sweeper/sweep.ts'
import { checkIsTold } from './check/flow-control.ts'
import type { Received } from './check/known.ts'
import { type Handle, isExpected, moveMessages, processMessages, takeInputs, takeResults } from './handlers.ts'
import { describe, type Invocation } from './invocation.ts'
import type { Batch, StoredMessage } from './queues.ts'
import { BULK_QUEUES, INPUT_QUEUE, TIMEOUTS, WORK_QUEUES } from './settings.ts'
import type { System } from './system.ts'

/** A Lambda function that takes messages from queues. The mover moves messages out of RabbitMQ's bulk queues (for users with many open requests). */
interface Consumer {
  readonly kind: 'worker' | 'collector' | 'intake' | 'mover'
  readonly handle: Handle
  readonly batch: number
  /** The most parallel invocations of this function. */
  readonly concurrency: number
}

const worker = (batch: number): Consumer => ({ kind: 'worker', handle: processMessages, batch, concurrency: 3 })
const COLLECTOR: Consumer = { kind: 'collector', handle: takeResults, batch: 10, concurrency: 3 }
const INTAKE: Consumer = { kind: 'intake', handle: takeInputs, batch: 3, concurrency: 3 }
const MOVER: Consumer = { kind: 'mover', handle: moveMessages, batch: 2, concurrency: 2 }

function toReceived({ body }: StoredMessage): Received {
  try {
    const { request_id, hints } = InferenceMessage.parse(JSON.parse(body))
    return { request_id, alone: hints?.alone === true }
  } catch {
    return { request_id: 'unreadable', alone: false }
  }
}

/** Makes Lambda's event source mappings, which start functions with messages, and its schedule, which starts the sweeper. */
export function createConsumers({ world, services, known, policies, portsOf }: System) {
  const { mappings } = services.queues
  const { choices } = world
  // If the model takes batches, an invocation gets up to 5 messages. So the worker can split a failed batch twice, and the checks see both splits.
  const Worker = worker(policies.batched ? 5 : 3)
  const consumerOf = (name: string): Consumer => {
    if (name.startsWith(INPUT_QUEUE)) return INTAKE
    if (BULK_QUEUES.includes(name)) return MOVER
    return WORK_QUEUES.includes(name) ? Worker : COLLECTOR
  }

  const onError = (by: Invocation) => (error: unknown) => {
    world.trace(() => `${by.name} logs ${describe(error)}`)
    if (!isExpected(error)) world.violate(`${by.name} fails with ${describe(error)}`)
  }

  /** The queues with messages for a function that may be started. */
  const ready = (): readonly string[] =>
    mappings.ready(queue => {
      const { kind, concurrency } = consumerOf(queue)
      return world.running(kind) < concurrency
    })

  function start(batch: Batch): void {
    if (batch.messages.length === 0) return
    const { queue, messages } = batch
    const { kind, handle } = consumerOf(queue)
    world.invoke({
      kind,
      timeoutMs: TIMEOUTS[kind],
      run: async by => {
        world.trace(() => `${by.name} receives ${messages.map(({ id }) => id).join(', ')} from ${queue}`)
        if (kind === 'worker') known.received.set(by.name, messages.map(toReceived))
        let inPeace = true
        const told = (error: unknown) => {
          inPeace = false
          onError(by)(error)
        }
        const end = await handle(portsOf(by), by, mappings.start(batch, by), told).then(
          response => ({ response }),
          error => {
            told(error)
            return { error }
          },
        )
        if (inPeace) checkIsTold(known, by)
        const settlement = mappings.end(batch, by, end)
        if (!settlement) return
        const { label, effect, ifLost } = settlement
        // The acknowledgement may be lost. The queue then delivers the messages again.
        await world.call(by, 'mapping', () => label, effect).catch(ifLost)
      },
    })
  }

  return {
    ready,
    /** Starts a function with some of a queue's messages. */
    deliver: (queue: string): void => start(mappings.take(queue, consumerOf(queue).batch, choices)),
    /** Starts one function per ready queue, with the oldest messages of the queue. */
    deliverAll(): void {
      for (const queue of ready()) start(mappings.takeOldest(queue, consumerOf(queue).batch))
    },
    sweep(): void {
      world.invoke({
        kind: 'sweeper',
        timeoutMs: TIMEOUTS.sweeper,
        run: async by => {
          try {
            const swept = await sweep(portsOf(by))
            world.trace(() => `${by.name} has swept: ${JSON.stringify(swept)}`)
          } catch (error) {
            onError(by)(error)
          }
        },
      })
    },
  }
}
