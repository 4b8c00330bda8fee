import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { echo } from '../e2e/support/endpoint.ts'
import { type SystemOnLambda, startOnLambda } from './system.ts'

const PIPELINE = `
name: on-instances
network: { vpc: vpc-0a1b2c3d, availability_zones: [eu-west-1a], subnets: [subnet-0a1b2c3d] }
managed_instances: { environments: 1 }
quotas:
  window: day
  default_plan: free
  plans:
    free: { requests: 100, tokens: 1000000, in_flight: 100, priorities: [normal] }
waiting: { per_user: 50 }
routing: [{ model: text }]
models:
  text:
    endpoint: { url: "\${MODEL_URL}", timeout: 60s }
    request: '{ "input": prompt }'
    response: '{ "result": result, "usage": usage }'
    concurrency: 20
`

/** The number of requests that are posted at the same time. */
const REQUESTS = 20
/**
 * The number of calls that the endpoint holds back before it answers all of them. An invocation makes one to four calls, and five invocations may run at the
 * same time. So five calls always come, and they are of at least two invocations.
 */
const HELD = 5

/** A log line, or a line of metrics. A metric with several values is a list of numbers. */
interface Line {
  readonly request_id?: string
  readonly function_request_id?: string
  readonly CompletedRequests?: number
  readonly ModelLatency?: number | readonly number[]
}

const lines: Line[] = []
/** The event and the answer of each invocation, by the id of the invocation. */
const textOf = new Map<string, string>()
const mostRunning = new Map<string, number>()
let running: SystemOnLambda

const isWorker = (name: string) => name.includes('Worker')

beforeAll(async () => {
  running = await startOnLambda(PIPELINE, 20, {
    line: (_, line) => void lines.push(JSON.parse(line)),
    invoked: (_, { requestId, event }, result) => void textOf.set(requestId, event + JSON.stringify(result)),
    running: (name, count) => void mostRunning.set(name, Math.max(count, mostRunning.get(name) ?? 0)),
  })
})
afterAll(() => running?.close())

describe('on Lambda’s runtime client, as on managed instances', () => {
  it('invocations of the worker share a process, and each request gets its own result', async () => {
    const { endpoint, api } = running
    // The endpoint answers only when calls of several invocations wait in the process at the same time.
    const full = Promise.withResolvers<void>()
    let held = 0
    endpoint.reply('text', async (response, call) => {
      held += 1
      if (held === HELD) full.resolve()
      await full.promise
      echo(response, call)
    })
    const prompts = Array.from({ length: REQUESTS }, (_, i) => `prompt ${i} 7`)

    const answers = await Promise.all(prompts.map(prompt => api.post({ prompt }, { prefer: 'wait=25' })))

    for (const [i, { status, body }] of answers.entries())
      expect({ status, result: body.result }).toEqual({ status: 200, result: { echo: prompts[i] } })
    const [worker = ''] = [...mostRunning.keys()].filter(isWorker)
    expect(mostRunning.get(worker)).toBeGreaterThan(1)
    expect((await api.send('GET', '/v1/quota')).body.requests).toMatchObject({ used: REQUESTS })
  })

  it('each log line about a request names the invocation that ran the request', () => {
    const about = lines.filter(({ request_id, function_request_id }) => request_id && function_request_id)
    expect(about.length).toBeGreaterThanOrEqual(REQUESTS)
    for (const { request_id = '', function_request_id = '' } of about)
      expect(textOf.get(function_request_id)).toContain(request_id)
  })

  it('each request is counted once in the metrics of its worker and of the collector', () => {
    const calls = lines.flatMap(({ ModelLatency = [] }) => ModelLatency)
    const completed = lines.reduce((sum, { CompletedRequests = 0 }) => sum + CompletedRequests, 0)
    expect({ calls: calls.length, completed }).toEqual({ calls: REQUESTS, completed: REQUESTS })
  })
})
