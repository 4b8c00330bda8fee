import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LocalSystem } from '../../lib/local/system.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import type { ApiClient } from '../e2e/support/api-client.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { runtimeClient } from './client.ts'
import { startRuntime } from './runtime.ts'
import { type SystemOnLambda, startOnLambda } from './system.ts'

/** A pipeline.yaml that needs each Lambda function of Sluice. */
const PIPELINE = `
name: on-lambda
inputs: [{ queue: nightly-prompts }]
quotas:
  window: day
  default_plan: free
  plans:
    free: { requests: 100, tokens: 1000000, in_flight: 20, priorities: [normal] }
routing: [{ model: text }]
models:
  text:
    endpoint: { url: "\${MODEL_URL}", timeout: 60s }
    request: '{ "input": prompt }'
    response: '{ "result": result, "usage": usage }'
    concurrency: 2
observability: { retention: { ledger: 90d, payloads: 30d } }
`

type Json = Record<string, unknown>

interface Invocation {
  readonly event: Json
  readonly answer: unknown
}

const lines = new Map<string, string[]>()
const invocations = new Map<string, Invocation[]>()
let running: SystemOnLambda
let system: LocalSystem
let api: ApiClient

const add = <T>(to: Map<string, T[]>, key: string, value: T): void => void to.set(key, [...(to.get(key) ?? []), value])

/** The values in a map by function name, for the functions whose logical id begins with `id`. */
const named = <T>(of: ReadonlyMap<string, T[]>, id: string): T[] =>
  [...of].flatMap(([name, values]) => (name.startsWith(`on-lambda-${id}`) ? values : []))

const FUNCTIONS = {
  authorizer: 'AuthorizerFunction',
  gateway: 'GatewayFunction',
  intake: 'IntakeFunction',
  reader: 'ReaderFunction',
  worker: 'ModeltextWorker',
  collector: 'ResultsCollector',
  sweeper: 'SweeperFunction',
  retention: 'RetentionFunction',
  migrator: 'LedgerMigrator',
}
const logicalId = (id: string): string => [...system.functions.keys()].find(found => found.startsWith(id)) ?? ''

beforeAll(async () => {
  running = await startOnLambda(PIPELINE, 1, {
    line: (name, line) => add(lines, name, line),
    invoked: (name, { event }, result) =>
      add(invocations, name, {
        event: JSON.parse(event),
        answer: result.ok ? JSON.parse(result.payload) : result.error,
      }),
  })
  ;({ system, api } = running)
})
afterAll(() => running?.close())

describe('on Lambda’s runtime client', () => {
  it('a posted request passes through all functions and completes', async () => {
    const { status, body } = await api.post({ prompt: 'one 11' }, { prefer: 'wait=20' })
    expect({ status, body }).toMatchObject({ status: 200, body: { status: 'completed', result: { echo: 'one 11' } } })
    expect((await api.send('GET', '/v1/quota')).status).toBe(200)
  })

  it('a message of an input queue becomes a request and completes', async () => {
    const sqs = new SQSClient({
      endpoint: system.endpoints.sqs,
      region: 'us-east-1',
      credentials: credentialsOf(system.accessKeyId),
    })
    const MessageBody = JSON.stringify({ user_id: 'u1', prompt: 'two 22' })
    await sqs.send(new SendMessageCommand({ QueueUrl: system.outputs.InputQueueUrl1, MessageBody }))
    sqs.destroy()

    await eventually(async () => {
      const { requests } = (await api.send('GET', '/v1/inference')).body
      expect(requests).toMatchObject([{ status: 'completed' }, { status: 'completed' }])
    })
  })

  it.each(['sweeper', 'retention'] as const)(
    'the %s handles the event of its schedule without an error',
    async name => {
      expect(await system.invoke(logicalId(FUNCTIONS[name]), { source: 'aws.events' })).toEqual({
        ok: true,
        payload: 'null',
      })
    },
  )

  it.each(
    Object.entries<unknown>({
      authorizer: { isAuthorized: true, context: { user_id: 'u1' } },
      gateway: { statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: expect.any(String) },
      reader: { statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: expect.any(String) },
      intake: { batchItemFailures: [] },
      worker: { batchItemFailures: [] },
      collector: { batchItemFailures: [] },
      migrator: null,
    }),
  )('the %s answers in the format that Lambda expects', (name, shape) => {
    const answers = named(invocations, FUNCTIONS[name as keyof typeof FUNCTIONS]).map(({ answer }) => answer)
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) {
      if (shape === null) expect(answer).toBeNull()
      else expect(answer).toMatchObject(shape as Json)
    }
  })

  it('every log line is one JSON object with a level or with metrics', () => {
    const all = [...lines.values()].flat()
    expect(all.length).toBeGreaterThan(10)
    for (const line of all) {
      const entry: Json = JSON.parse(line)
      expect('_aws' in entry || typeof entry.level === 'string', line).toBe(true)
    }
  })

  it.each(
    Object.entries({
      gateway: ['AcceptedRequests'],
      intake: ['AcceptedRequests'],
      worker: ['ModelLatency'],
      collector: ['CompletedRequests', 'TimeToEnd'],
    }),
  )('the %s logs its metrics as lines in the embedded metric format', (name, metrics) => {
    const found = named(lines, FUNCTIONS[name as keyof typeof FUNCTIONS]).flatMap(metricsIn)
    expect([...new Set(found)].sort()).toEqual(expect.arrayContaining(metrics))
  })
})

/** The names of the metrics in a log line. Expects a namespace and dimensions in `_aws`, and a number as the value of each metric. */
function metricsIn(line: string): string[] {
  const entry: Json = JSON.parse(line)
  if (!('_aws' in entry)) return []
  const { CloudWatchMetrics, Timestamp } = entry._aws as {
    Timestamp: number
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[]
  }
  expect(Math.abs(Date.now() - Timestamp)).toBeLessThan(3_600_000)
  return CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) => {
    expect(Namespace).toBe('Sluice')
    for (const dimension of Dimensions.flat()) expect(entry[dimension]).toEqual(expect.any(String))
    for (const { Name } of Metrics) expect([entry[Name]].flat().every(value => typeof value === 'number')).toBe(true)
    return Metrics.map(({ Name }) => Name)
  })
}

it('Lambda’s runtime client refuses a handler with a callback parameter', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-callback-'))
  writeFileSync(join(folder, 'index.mjs'), 'export const handler = (event, context, callback) => callback(null, 1)')
  const observer = { line: () => {}, invoked: () => {} }
  const runtime = startRuntime(
    runtimeClient(),
    {
      handlerUrl: '',
      handlerName: 'handler',
      functionName: 'callback',
      functionArn: 'arn:callback',
      memoryMb: 128,
      environment: { LAMBDA_TASK_ROOT: folder, _HANDLER: 'index.handler' },
      write: () => {},
    },
    observer,
  )
  expect(await runtime.imported).toMatchObject({ errorType: 'Runtime.CallbackHandlerDeprecated' })
  await runtime.ended
  rmSync(folder, { recursive: true })
})
