import { InferenceMessage } from '../../functions/core/domain/messages.ts'
import { sweep } from '../../functions/sweeper/sweep.ts'
import { checkIsTold } from './check/flow-control.ts'
import type { Received } from './check/known.ts'
import { type Handle, isExpected, processMessages, takeInputs, takeResults } from './handlers.ts'
import { describe, type Invocation } from './invocation.ts'
import type { Message, Queue } from './models/sqs.ts'
import { evenly } from './random.ts'
import { INPUT_QUEUE, TIMEOUTS, WORK_QUEUES } from './settings.ts'
import type { System } from './system.ts'

interface Consumer {
  readonly kind: 'worker' | 'collector' | 'intake'
  readonly handle: Handle
  readonly batch: number
  /** Invocations at once. */
  readonly concurrency: number
}

const worker = (batch: number): Consumer => ({ kind: 'worker', handle: processMessages, batch, concurrency: 3 })
const COLLECTOR: Consumer = { kind: 'collector', handle: takeResults, batch: 10, concurrency: 3 }
const INTAKE: Consumer = { kind: 'intake', handle: takeInputs, batch: 3, concurrency: 3 }

function toReceived({ body }: Message): Received {
  try {
    const { request_id, hints } = InferenceMessage.parse(JSON.parse(body))
    return { request_id, alone: hints?.alone === true }
  } catch {
    return { request_id: 'unreadable', alone: false }
  }
}

/** Lambda's event source mappings and its schedule: they start functions with what there is for them. */
export function createConsumers({ world, services, known, policies, portsOf }: System) {
  const { sqs } = services
  const { choices } = world
  // A batch must be large enough to be split twice.
  const Worker = worker(policies.batched ? 5 : 3)
  const consumerOf = ({ name }: Queue): Consumer => {
    if (name.startsWith(INPUT_QUEUE)) return INTAKE
    return WORK_QUEUES.includes(name) ? Worker : COLLECTOR
  }

  const onError = (by: Invocation) => (error: unknown) => {
    world.trace(() => `${by.name} logs ${describe(error)}`)
    if (!isExpected(error)) world.violate(`${by.name} fails with ${describe(error)}`)
  }

  /** Queues that have something for a function that may still be started. */
  const ready = (): Queue[] =>
    [...sqs.queues.values()].filter(queue => {
      const { kind, concurrency } = consumerOf(queue)
      return queue.messages.size > 0 && world.running(kind) < concurrency && sqs.visible(queue).length > 0
    })

  function start(queue: Queue, messages: readonly Message[]): void {
    const { kind, handle } = consumerOf(queue)
    world.invoke({
      kind,
      timeoutMs: TIMEOUTS[kind],
      run: async by => {
        world.trace(() => `${by.name} receives ${messages.map(({ id }) => id).join(', ')} from ${queue.name}`)
        if (kind === 'worker') known.received.set(by.name, messages.map(toReceived))
        let inPeace = true
        const failed = await handle(
          portsOf(by),
          by,
          messages,
          error => {
            inPeace = false
            onError(by)(error)
          },
          queue.name,
        )
        if (inPeace) checkIsTold(known, by)
        const done = messages.filter(({ id }) => !failed.has(id)).map(({ id }) => id)
        const acknowledge = () => {
          for (const id of done) queue.messages.delete(id)
        }
        // Whether the mapping learns it or not: what it could not delete comes again.
        if (done.length > 0) await world.call(by, 'mapping', () => `acknowledges ${done}`, acknowledge).catch(() => {})
      },
    })
  }

  return {
    ready,
    /** Starts a function with some of a queue's messages. */
    deliver(queue: Queue): void {
      const { batch } = consumerOf(queue)
      const visible = sqs.visible(queue)
      const size = choices.of([[3, batch], ...evenly([1, 2])])
      const first = choices.of([[4, 0], ...evenly(visible.map((_, i) => i))])
      const chosen = [...visible.slice(first), ...visible.slice(0, first)].slice(0, size)
      const received = sqs.receive(queue, chosen)
      if (received.length > 0) start(queue, received)
    },
    /** All that is there for anybody, oldest first. */
    deliverAll(): void {
      for (const queue of ready()) {
        const received = sqs.receive(queue, sqs.visible(queue).slice(0, consumerOf(queue).batch))
        if (received.length > 0) start(queue, received)
      }
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
