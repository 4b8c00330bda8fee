import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { spansAt } from '../support/spans.ts'
import { eventually } from './support/eventually.ts'
import { startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { fixture, projectFolder, type RunningSystem, run, startSystem } from './support/system.ts'
import {
  BATCHED_CALL,
  BATCHED_PROCESS,
  CLIENT_SPAN,
  endBatch,
  endRetried,
  LIMITED_CALL,
  LIMITED_HOPS,
  LIMITED_PROCESS,
  named,
  newTraceId,
  parentsOf,
} from './support/traced-requests.ts'

const ERROR = 2

let model: TestModel
let receiver: OtlpReceiver
let system: RunningSystem

beforeAll(async () => {
  model = await startTestModel()
  receiver = await startOtlpReceiver()
  system = await startSystem({
    SLUICE_CONFIG: fixture('traced.yaml'),
    MODEL_URL: model.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.origin}/`,
  })
})

afterAll(async () => {
  await system?.stop()
  await Promise.all([model?.close(), receiver?.close()])
})

const spansOf = (traceId: string) => spansAt(receiver).filter(span => span.traceId === traceId)

/** Waits until the collector has settled the request of a trace, and returns the spans of the trace. */
const settledSpansOf = (traceId: string) =>
  eventually(() => {
    const spans = spansOf(traceId)
    expect(named(spans, 'settle')).toHaveLength(1)
    return spans
  })

test('a request that is rate limited, fails once and then succeeds is one trace with a span per step, and no span lacks its parent', async () => {
  const client = await system.newUser()
  const traceId = newTraceId()

  const { requestId, traceparent } = await endRetried(client, model, traceId)

  const spans = await settledSpansOf(traceId)
  const [api] = named(spans, 'POST /v1/inference')
  expect(traceparent).toBe(`00-${traceId}-${api?.spanId}-01`)
  const parents = parentsOf(spans)
  expect(parents.filter(([, parent]) => parent === 'orphan')).toEqual([])
  expect(new Set(parents.map(pair => pair.join(' < ')))).toEqual(new Set(LIMITED_HOPS))
  const processed = named(spans, LIMITED_PROCESS).map(({ attributes }) => attributes)
  expect(processed.map(attributes => attributes['sluice.request_id'])).toEqual(processed.map(() => requestId))
  const endings = processed.map(attributes => attributes['sluice.deferred_by'] ?? attributes['sluice.status'])
  expect(endings).toContain('rate limited')
  // On a busy machine, a message may be delivered before its item is written, or before its retry is due.
  const waits: readonly unknown[] = ['rate limited', 'item missing', 'claim refused']
  expect(endings.filter(ending => !waits.includes(ending)).toSorted()).toEqual(['completed', 'model_error'])
  expect(named(spans, LIMITED_CALL).map(({ kind, status, attributes }) => ({ kind, status, attributes }))).toEqual([
    expect.objectContaining({
      kind: 3,
      status: { code: ERROR },
      attributes: expect.objectContaining({ 'http.response.status_code': 500, 'error.type': '500' }),
    }),
    expect.objectContaining({
      status: { code: 0 },
      attributes: {
        'gen_ai.operation.name': 'text_completion',
        'gen_ai.provider.name': 'custom',
        'gen_ai.request.model': 'limited',
        'gen_ai.usage.input_tokens': usualUsage.prompt_tokens,
        'gen_ai.usage.output_tokens': usualUsage.completion_tokens,
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(model.url).port),
        'sluice.model': 'limited',
      },
    }),
  ])
  // The header traceparent of each call to the model names the span of this call.
  const callSpans = named(spans, LIMITED_CALL).map(({ spanId }) => `00-${traceId}-${spanId}-01`)
  expect(
    model.calls.filter(({ body }) => body.input === 'canary-prompt').map(call => call.headers.traceparent),
  ).toEqual(callSpans)
  const end = system
    .functionLogs()
    .split('\n')
    .find(line => line.includes(requestId) && line.includes('is completed'))
  expect(JSON.parse(end ?? '{}')).toMatchObject({ trace_id: traceId })
  const show = [process.execPath, 'bin/sluice.ts', 'requests', 'show', requestId, '--json'] as const
  const shown = await run(show, { SLUICE_DATA: system.dataFolder })
  expect(JSON.parse(shown.out)).toMatchObject({ trace_id: traceId })
  const all = JSON.stringify(receiver.exports.map(({ body: exported }) => exported))
  for (const secret of ['canary', client.user, 'sk_sluice_', projectFolder]) expect(all).not.toContain(secret)
})

test('the call for a batch of five links to the five requests, and each request links to its call', async () => {
  const client = await system.newUser()
  const traceIds = Array.from({ length: 5 }, newTraceId)

  await endBatch(client, model, traceIds)

  const spans = (await Promise.all(traceIds.map(settledSpansOf))).flat()
  expect(parentsOf(spans).filter(([, parent]) => parent === 'orphan')).toEqual([])
  const processing = named(spans, BATCHED_PROCESS)
  const calls = spansAt(receiver).filter(({ name }) => name === BATCHED_CALL)
  expect(calls.map(({ parentSpanId }) => parentSpanId)).toEqual(calls.map(() => undefined))
  expect(calls.map(({ attributes }) => attributes['sluice.batch_size'])).toEqual(calls.map(({ links }) => links.length))
  const idsOf = (of: { traceId: string; spanId: string }) => `${of.traceId}-${of.spanId}`
  const linked = calls.flatMap(call => call.links.map(link => ({ from: idsOf(call), to: idsOf(link) })))
  expect(linked.map(({ to }) => to).toSorted()).toEqual(processing.map(idsOf).toSorted())
  const back = processing.flatMap(span => span.links.map(link => ({ from: idsOf(link), to: idsOf(span) })))
  expect(new Set(back.map(pair => JSON.stringify(pair)))).toEqual(new Set(linked.map(pair => JSON.stringify(pair))))
  expect(linked).toHaveLength(5)
})

test('a trace that the client does not sample gets no spans, and the traceparent of the call to the model is not sampled either', async () => {
  const client = await system.newUser()
  const traceId = newTraceId()

  const { headers, body } = await client.post(
    { prompt: 'not kept', model: 'free' },
    { traceparent: `00-${traceId}-${CLIENT_SPAN}-00` },
  )
  await client.ended(String(body.request_id))
  await client.settledQuota()

  const notKept = expect.stringMatching(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
  expect(headers.traceparent).toEqual(notKept)
  expect(model.calls.find(({ body: { input } }) => input === 'not kept')?.headers.traceparent).toEqual(notKept)
  expect(spansOf(traceId)).toEqual([])
})

test('a call without a valid traceparent begins a new trace', async () => {
  const client = await system.newUser()

  const answers = await Promise.all(
    [undefined, 'nonsense', '00-00000000000000000000000000000000-b7ad6b7169203331-01'].map(traceparent =>
      client.post({ prompt: 'new', model: 'free' }, traceparent === undefined ? {} : { traceparent }),
    ),
  )

  const traceIds = answers.map(({ headers }) => headers.traceparent?.split('-')[1] ?? '')
  expect(new Set(traceIds).size).toBe(3)
  const spans = (await Promise.all(traceIds.map(settledSpansOf))).flat()
  expect(named(spans, 'POST /v1/inference').map(({ parentSpanId }) => parentSpanId)).toEqual(
    traceIds.map(() => undefined),
  )
})
