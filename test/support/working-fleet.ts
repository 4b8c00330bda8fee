import { setImmediate } from 'node:timers/promises'
import type { InferenceMessage } from '../../functions/core/domain/messages.ts'
import { createFlowControl } from '../../functions/core/flow-control/flow-control.ts'
import type { FlowControl } from '../../functions/core/flow-control/port.ts'
import type { ModelAnswer } from '../../functions/core/inference/port.ts'
import type { OutgoingMessage } from '../../functions/core/queue/port.ts'
import { processMessages } from '../../functions/worker/process-messages.ts'
import { NOW } from './clock.ts'
import { aDelivery } from './deliveries.ts'
import { aMessage, anItem } from './requests.ts'
import { aWorker, type WorkerSettings } from './worker.ts'

/** A call to the model. */
export interface FleetCall {
  readonly user: string
  readonly request_id: string
  /** The beginning and the end of the call, in milliseconds since the start of the test. */
  readonly from: number
  until: number
}

/** Decides the model's answer to a call, and the milliseconds until the answer. */
export type FleetModel = (call: FleetCall) => { readonly answer: ModelAnswer; readonly after_ms: number }

/** The end of a request. `at` is the time in milliseconds since the start of the test. */
export interface FleetEnd {
  readonly user: string
  readonly status: string
  readonly attempt: number
  readonly at: number
}

interface Waiting {
  readonly message: InferenceMessage
  readonly due: number
}

/**
 * Many workers of one model, each with one call at a time, and a queue that delays messages as SQS does. The test takes no real time:
 * when no worker can do anything, the clock jumps to the time at which the next call ends or the next message is due.
 */
export function aWorkingFleet(model: FleetModel, settings: WorkerSettings, concurrency = 10) {
  const { ports, modelStates } = aWorker(undefined, settings)
  const { clock } = ports
  const timers: { readonly due: number; readonly wake: () => void }[] = []
  const idle: FlowControl[] = []
  const calls: FleetCall[] = []
  const ends = new Map<string, FleetEnd>()
  const changes: string[] = []
  let waiting: Waiting[] = []
  let busy = 0

  const sleep = (ms: number) =>
    new Promise<void>(wake => void timers.push({ due: clock() + Math.max(1, Math.ceil(ms)), wake }))

  async function send(queue: string, { body, delay_seconds = 0 }: OutgoingMessage): Promise<void> {
    const message = JSON.parse(JSON.stringify(body))
    if (queue.startsWith('inference-')) waiting.push({ message, due: clock() + delay_seconds * 1_000 })
    else if (!ends.has(message.request_id))
      ends.set(message.request_id, {
        user: message.user_id,
        status: message.status,
        attempt: message.attempt,
        at: clock() - NOW,
      })
  }

  const newProcess = () =>
    createFlowControl(
      { ...ports, sleep, store: modelStates, onChange: change => changes.push(change) },
      'text',
      ports.settings,
    )

  async function work({ message }: Waiting): Promise<void> {
    busy++
    const flowControl = idle.pop() ?? newProcess()
    let answer: ModelAnswer | undefined
    const call = async () => {
      const made = { user: message.user_id, request_id: message.request_id, from: clock() - NOW, until: 0 }
      calls.push(made)
      const planned = model(made)
      answer = planned.answer
      await sleep(planned.after_ms)
      made.until = clock() - NOW
      return { kind: 'broken', code: 'model_error', message: '', reached: true, retry: 'never' } as const
    }
    const judge = { ...ports.judge, call: async () => answer ?? { ok: true as const, answer: undefined } }
    const endpoint = { ...ports.endpoint, call }
    const queue = { ...ports.queue, send }
    const using = { ...ports, queue, sleep, flowControl, endpoint, judge }
    await processMessages(using, [aDelivery(message)], { ends_at: clock() + 90_000 })
    idle.push(flowControl)
    busy--
  }

  /** Runs until a time (in milliseconds since the start of the test), or until no call runs and no message waits. */
  async function run(until = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await setImmediate()
      const next = waiting.filter(({ due }) => due <= clock())[0]
      if (next && busy < concurrency) {
        waiting = waiting.filter(one => one !== next)
        void work(next)
        continue
      }
      const times = [...timers.map(({ due }) => due), ...(busy < concurrency ? waiting.map(({ due }) => due) : [])]
      const soonest = Math.min(...times)
      if (!Number.isFinite(soonest) || soonest - NOW > until) {
        if (Number.isFinite(until)) ports.advance(Math.max(0, NOW + until - clock()))
        return
      }
      ports.advance(Math.max(0, soonest - clock()))
      for (const timer of timers.filter(({ due }) => due <= clock())) {
        timers.splice(timers.indexOf(timer), 1)
        timer.wake()
      }
    }
  }

  /** Creates a request of a user, sends its message to the queue, and returns its id. */
  async function submit(user: string, deadlineMs = 6 * 3_600_000): Promise<string> {
    const item = await ports.items.create(anItem({ user_id: user, deadline: NOW + deadlineMs }))
    waiting.push({ message: aMessage(item), due: clock() })
    return item.request_id
  }

  return {
    submit,
    run,
    /** All calls, oldest first. */
    calls,
    /** The ends of requests, oldest first. They include expired requests, which have no outcome. */
    ends: () => [...ends.values()],
    changes,
    modelStates,
    items: ports.items,
    now: () => clock() - NOW,
  }
}
