import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { lineSplitter } from '../../lib/local/lambda/log-file.ts'
import type { InvocationResult } from '../../lib/local/lambda/protocol.ts'
import { startThread, type Thread } from '../../lib/local/lambda/thread.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { spansAt } from '../support/spans.ts'

const SHARED = pathToFileURL(fileURLToPath(new URL('fixtures/shared.ts', import.meta.url))).href
const TRACES = { A: 'a'.repeat(32), B: 'b'.repeat(32) }
const traceparentOf = (name: 'A' | 'B') => `00-${TRACES[name]}-1111111111111111-01`

let receiver: OtlpReceiver
let thread: Thread
afterEach(async () => {
  await thread?.terminate()
  await receiver?.close()
})

/** A thread of the function in `fixtures/shared.ts`, and its log lines. */
async function start() {
  receiver = await startOtlpReceiver()
  const lines: Record<string, unknown>[] = []
  thread = startThread({
    handlerUrl: SHARED,
    handlerName: 'both',
    functionName: 'shared',
    functionArn: 'arn:shared',
    memoryMb: 256,
    environment: {
      AWS_LAMBDA_MAX_CONCURRENCY: '10',
      POWERTOOLS_LOG_LEVEL: 'INFO',
      TRACES: `${receiver.origin}/v1/traces`,
    },
    write: lineSplitter(line => line.startsWith('{') && lines.push(JSON.parse(line))),
  })
  expect(await thread.imported).toBeUndefined()
  let signals = 0
  const invoke = (requestId: string, event: object, seconds = 60): Promise<InvocationResult> =>
    thread.invoke({ event: JSON.stringify(event), requestId, deadline: Date.now() + seconds * 1_000 })
  /** Lets the invocation continue that waits at this step, as soon as it waits there. */
  const go = (step: string) =>
    expect.poll(() => invoke(`signal ${signals++}`, { step }), { interval: 5 }).toEqual({ ok: true, payload: 'true' })
  const logged = (message: string) => lines.filter(line => line.message === message)
  return { invoke, go, lines, logged }
}

test('two invocations in one thread have their own ids, log fields, deadlines and spans, even if they run step by step in turn', async () => {
  const { invoke, go, logged } = await start()

  const a = invoke('request A', { name: 'A', traceparent: traceparentOf('A') }, 100)
  await expect.poll(() => logged('begins')).toHaveLength(1)
  const b = invoke('request B', { name: 'B', traceparent: traceparentOf('B') }, 1_000)
  for (const step of ['B 1', 'A 1', 'A 2', 'B 2']) await go(step)
  const [resultA, resultB] = (await Promise.all([a, b])).map(result => result.ok && JSON.parse(result.payload))

  expect(resultA).toMatchObject({ name: 'A', awsRequestId: 'request A' })
  expect(resultB).toMatchObject({ name: 'B', awsRequestId: 'request B' })
  expect(resultA.remaining).toBeLessThanOrEqual(100_000)
  expect(resultB.remaining).toBeGreaterThan(100_000)
  await expect.poll(() => logged('ends')).toHaveLength(2)
  for (const message of ['begins', 'ends'])
    expect(logged(message).sort((x, y) => String(x.name).localeCompare(String(y.name)))).toMatchObject([
      { name: 'A', function_request_id: 'request A' },
      { name: 'B', function_request_id: 'request B' },
    ])
  await expect.poll(() => spansAt(receiver)).toHaveLength(4)
  const spans = spansAt(receiver)
  const named = (name: string) => spans.find(span => span.name === name)
  for (const name of ['A', 'B'] as const) {
    expect(named(`of ${name}`)).toMatchObject({ traceId: TRACES[name] })
    expect(named(`within ${name}`)).toMatchObject({ traceId: TRACES[name], parentSpanId: named(`of ${name}`)?.spanId })
  }
})

test('each value that invocations in one thread count is written exactly once, whichever invocation ends first', async () => {
  const { invoke, go, lines } = await start()

  const a = invoke('request A', { name: 'A' })
  const b = invoke('request B', { name: 'B' })
  for (const step of ['A 1', 'B 1', 'B 2']) await go(step)
  await b
  await go('A 2')
  await a

  const counted = () => lines.flatMap(({ ModelCalls }) => (typeof ModelCalls === 'number' ? [ModelCalls] : []))
  await expect.poll(() => counted().reduce((sum, count) => sum + count, 0)).toBe(2)
})

test('a failed invocation does not affect another invocation in the same thread', async () => {
  const { invoke, go, logged } = await start()

  const failing = invoke('request F', { name: 'failing' })
  const other = invoke('request A', { name: 'A' })
  for (const step of ['failing 1', 'A 1', 'failing 2']) await go(step)

  expect(await failing).toMatchObject({ ok: false, error: { errorMessage: 'on purpose' } })
  await go('A 2')
  expect(await other).toMatchObject({ ok: true })
  expect(logged('the invocation failed')).toMatchObject([{ function_request_id: 'request F', name: 'failing' }])
})

test('a crash of a thread fails all its invocations, and a later invocation in this thread, too', async () => {
  const { invoke, go } = await start()

  const crashing = invoke('request C', { name: 'crashing' })
  const other = invoke('request A', { name: 'A' })
  for (const step of ['A 1', 'crashing 1']) await go(step)
  await invoke('signal to crash', { step: 'crashing 2' })

  const crashed = { ok: false, error: { errorType: 'Runtime.ExitError' } }
  expect(await Promise.all([crashing, other])).toMatchObject([crashed, crashed])
  await thread.ended
  expect(await invoke('request B', { name: 'B' })).toMatchObject(crashed)
})
