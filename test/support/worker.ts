import { createMappings } from '../../functions/inference/mapping.ts'
import type { ModelAnswer } from '../../functions/inference/port.ts'
import { RESULTS_QUEUE } from '../../functions/queue/names.ts'
import type { RequestItem } from '../../functions/requests/item.ts'
import { OutcomeEvent } from '../../functions/requests/messages.ts'
import type { WorkerPorts } from '../../functions/worker/ports.ts'
import { runRequest } from '../../functions/worker/run-request.ts'
import { NOW } from './clock.ts'
import { memoryPorts } from './ports.ts'
import { aMessage } from './requests.ts'

const OWN_QUEUE = 'inference-text-normal'
export const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
/** Until when a worker of these tests has the lease of what it claims. */
export const LEASE = NOW + 60_000

const mappings = createMappings({
  request: '{ "input": prompt, "attempt": attempt }',
  response: '{ "result": result, "usage": usage }',
})

/** A worker whose model gives `answer`, and what it was asked. */
export function aWorker(answer: ModelAnswer = { ok: true, answer: { result: 'hi', usage: USAGE } }) {
  const memory = memoryPorts()
  const asked: unknown[] = []
  const endpoint: WorkerPorts['endpoint'] = {
    prepare: async () => undefined,
    call: async (requestId, body) => {
      asked.push({ requestId, body })
      return answer
    },
  }
  const ports = { ...memory, endpoint, mappings }
  const outcomes = () => memory.queue.sent(RESULTS_QUEUE).map(({ body }) => OutcomeEvent.parse(body))
  const deferred = () => memory.queue.sent(OWN_QUEUE)
  const run = (item: RequestItem, using: WorkerPorts = ports, body: unknown = undefined) =>
    runRequest(using, { message: aMessage(item, body), lease_until: LEASE, store_prompts: true, isAlone: true })
  return { ports, asked, outcomes, deferred, run }
}
