import type { RequestItem } from '../../functions/core/domain/item.ts'
import { OutcomeEvent } from '../../functions/core/domain/messages.ts'
import { createFlowControl } from '../../functions/core/flow-control/flow-control.ts'
import { createJudge } from '../../functions/core/inference/judge.ts'
import { createMappings } from '../../functions/core/inference/mapping.ts'
import type { ModelAnswer } from '../../functions/core/inference/port.ts'
import { untraced } from '../../functions/core/platform/tracing/port.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { WorkerPorts } from '../../functions/worker/ports.ts'
import { processMessages } from '../../functions/worker/process-messages.ts'
import type { Settings } from '../../functions/worker/settings.ts'
import { NOW } from './clock.ts'
import { aDelivery } from './deliveries.ts'
import { aRetry, replyOf } from './failures.ts'
import { memoryModelStates } from './memory/model-states.ts'
import { memoryPorts } from './ports.ts'
import { aMessage, anItem } from './requests.ts'

const OWN_QUEUE = 'inference-text-normal'
export const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
/** The end of the leases of claims in these tests. A claim is a worker’s right to run a request. */
export const LEASE = NOW + 95_000
const ENDS = LEASE - 5_000

const mappings = createMappings({
  request: '{ "input": prompt, "attempt": attempt }',
  response: '{ "result": result, "usage": usage }',
})

/** The settings of a model with one request per call, one attempt, and neither a rate limit nor a circuit. */
const PLAIN: WorkerPorts['settings'] = {
  batched: false,
  retry: aRetry({ attempts: 1 }),
  endpoint: { timeout_ms: 60_000 },
  store_prompts: true,
}

export type WorkerSettings = Partial<
  Pick<Settings, 'batched' | 'retry' | 'rate_limit' | 'circuit' | 'one_at_a_time' | 'store_prompts'>
>

/** A call to the model. */
export interface Asked {
  readonly requestId: string | undefined
  readonly body: unknown
  /** Epoch milliseconds. */
  readonly at: number
}

export const SUCCESS: ModelAnswer = { ok: true, answer: { result: 'hi', usage: USAGE } }

/** A worker whose model answers with `answer`, and the calls (`asked`) that the model has received. */
export function aWorker(
  answer: ModelAnswer | ((asked: Asked) => ModelAnswer) = SUCCESS,
  settings: WorkerSettings = {},
) {
  const memory = memoryPorts()
  const modelStates = memoryModelStates()
  const asked: Asked[] = []
  const endpoint: WorkerPorts['endpoint'] = {
    prepare: async () => undefined,
    call: async (requestId, body) => {
      const call = { requestId, body, at: memory.clock() }
      asked.push(call)
      return replyOf(typeof answer === 'function' ? answer(call) : answer)
    },
  }
  const all = { ...PLAIN, ...settings }
  /** The flow control of another worker process. All processes share the item of the model. */
  const aFlowControl = () => createFlowControl({ ...memory, store: modelStates, random: () => 0.5 }, 'text', all)
  const ports = {
    ...memory,
    settings: all,
    endpoint,
    judge: createJudge({ ...all, has_secret: false }, memory.clock),
    mappings,
    flowControl: aFlowControl(),
    random: () => 0.5,
    startCallSpan: () => untraced.start('call'),
    logger: { error: () => undefined, warn: () => undefined, info: () => undefined },
  }
  const outcomes = () => memory.queue.sent(RESULTS_QUEUE).map(({ body }) => OutcomeEvent.parse(body))
  const deferred = () => memory.queue.sent(OWN_QUEUE)
  /** Runs one invocation with these messages, and returns the indexes of the messages that SQS must redeliver. */
  const invoke = async (messages: readonly unknown[], using: WorkerPorts = ports, receiveCount = 1) => {
    const deliveries = messages.map((message, i) => aDelivery(message, i, { receive_count: receiveCount }))
    const { redeliver } = await processMessages(using, deliveries, {
      ends_at: Math.max(ENDS, memory.clock() + 90_000),
    })
    return redeliver.map(delivery => deliveries.indexOf(delivery))
  }
  const create = (fields: Partial<RequestItem> = {}) => ports.items.create(anItem(fields))
  const stored = (item: RequestItem) => ports.items.get(item.user_id, item.request_id)
  const run = (item: RequestItem, using: WorkerPorts = ports, body: unknown = undefined) =>
    invoke([aMessage(item, body)], using)
  return { ports, modelStates, aFlowControl, asked, outcomes, deferred, create, stored, invoke, run }
}

/** Ports with an endpoint that throws if a call begins while another call runs. */
export function oneCallAtATime(ports: WorkerPorts): WorkerPorts {
  let isBusy = false
  const call: WorkerPorts['endpoint']['call'] = async (id, body) => {
    if (isBusy) throw new Error('two calls at once')
    isBusy = true
    const answer = await ports.endpoint.call(id, body)
    isBusy = false
    return answer
  }
  return { ...ports, endpoint: { ...ports.endpoint, call } }
}

/** Ports with an endpoint that throws at each call, as if the worker crashed during the call. The claims stay in the request items. */
export function stopping(ports: WorkerPorts): WorkerPorts {
  const call: WorkerPorts['endpoint']['call'] = async () => {
    throw new Error('the worker is gone')
  }
  return { ...ports, endpoint: { ...ports.endpoint, call } }
}
