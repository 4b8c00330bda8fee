import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../e2e/support/eventually.ts'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'
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
} from '../e2e/support/traced-requests.ts'
import { type Jaeger, jaegerProgram, type ShownSpan, type SpanIds, startJaeger } from './jaeger.ts'

/**
 * Jaeger writes this warning about a span that begins before its parent or ends after its parent, because a wrong clock may be the cause. The parent
 * of a receiver's span is the `send` span of the message, and this span has ended when the message is received. So the tests allow the warning there.
 */
const GUESS_ABOUT_CLOCKS = /^clock skew adjustment disabled; /

let jaeger: Jaeger
let model: TestModel
let system: RunningSystem

beforeAll(async () => {
  jaeger = await startJaeger(jaegerProgram())
  model = await startTestModel()
  system = await startSystem({
    SLUICE_CONFIG: fixture('traced.yaml'),
    MODEL_URL: model.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: jaeger.receiver,
  })
})

afterAll(async () => {
  await system?.stop()
  await Promise.all([model?.close(), jaeger?.stop()])
})

/** Runs a task as a client that has tracing, and then sends the client's own span of each trace to Jaeger. */
async function asTracedClient<T>(traceIds: readonly string[], task: () => Promise<T>): Promise<T> {
  const startTimeUnixNano = `${Date.now()}000000`
  const done = await task()
  const ends = { startTimeUnixNano, endTimeUnixNano: `${Date.now()}000000` }
  const spans = traceIds.map(traceId => ({ traceId, spanId: CLIENT_SPAN, name: 'client', kind: 3, ...ends }))
  const attributes = [{ key: 'service.name', value: { stringValue: 'client' } }]
  const { ok } = await fetch(`${jaeger.receiver}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: {}, spans }] }] }),
  })
  expect(ok).toBe(true)
  return done
}

/** The spans of a trace. Expects that Jaeger has exactly one trace with this id. */
async function spansOf(traceId: string): Promise<readonly ShownSpan[]> {
  const traces = await jaeger.traces(traceId)
  expect(traces.map(trace => ({ id: trace.traceId, warnings: trace.warnings }))).toEqual([
    { id: traceId, warnings: [] },
  ])
  return traces.flatMap(({ spans }) => spans)
}

/** Each span with its parent, such as `settle < process results`. */
const hopsOf = (spans: readonly ShownSpan[]): Set<string> => new Set(parentsOf(spans).map(pair => pair.join(' < ')))

const textOf = ({ traceId, spanId }: SpanIds): string => `${traceId}-${spanId}`

/** The faults of all spans of some traces: a parent that is missing or in another trace, an id that is used twice, and Jaeger's warnings. */
function faultsOf(spans: readonly ShownSpan[]): string[] {
  const byId = new Map(spans.map(span => [textOf(span), span]))
  const faultsOfSpan = ({ name, parent, traceId, warnings }: ShownSpan): string[] => {
    const found = parent && byId.get(textOf(parent))
    const isReceiver = found?.name.startsWith('send ')
    return [
      ...(parent && !found ? ['its parent is missing'] : []),
      ...(parent && parent.traceId !== traceId ? ['its parent is in another trace'] : []),
      ...warnings.filter(warning => !(isReceiver && GUESS_ABOUT_CLOCKS.test(warning))),
    ].map(fault => `${name}: ${fault}`)
  }
  return [...(byId.size < spans.length ? ['an id is used twice'] : []), ...spans.flatMap(faultsOfSpan)]
}

describe('a real Jaeger', () => {
  test('Jaeger shows one trace, with a span per step and without missing parents or warnings, for a request that is rate limited, fails once and then succeeds', async () => {
    const client = await system.newUser()
    const traceId = newTraceId()

    const { requestId } = await asTracedClient([traceId], () => endRetried(client, model, traceId))

    const spans = await eventually(async () => {
      const shown = await spansOf(traceId)
      expect(hopsOf(shown)).toEqual(new Set(['client < none', ...LIMITED_HOPS]))
      return shown
    })
    expect(faultsOf(spans)).toEqual([])
    expect(await jaeger.tracesWith('sluice.request_id', requestId)).toEqual(new Set([traceId]))
    const endings = named(spans, LIMITED_PROCESS).map(
      ({ attributes }) => attributes['sluice.deferred_by'] ?? attributes['sluice.status'],
    )
    expect(endings).toEqual(expect.arrayContaining(['rate limited', 'model_error', 'completed']))
    const calls = named(spans, LIMITED_CALL).map(({ attributes }) => [
      attributes['http.response.status_code'],
      attributes.error ?? false,
    ])
    expect(calls.toSorted()).toEqual([
      [200, false],
      [500, true],
    ])
    expect(new Set(spans.map(({ service }) => service))).toEqual(
      new Set(['client', 'traced-gateway', 'traced-worker-limited', 'traced-collector']),
    )
  })

  test('Jaeger shows links between the call for a batch of five and each of its five requests', async () => {
    const client = await system.newUser()
    const traceIds = Array.from({ length: 5 }, newTraceId)

    await asTracedClient(traceIds, () => endBatch(client, model, traceIds))

    const requests = await eventually(async () => {
      const shown = (await Promise.all(traceIds.map(spansOf))).flat()
      expect(named(shown, 'settle')).toHaveLength(5)
      expect(hopsOf(shown)).toContain('client < none')
      expect(faultsOf(shown)).toEqual([])
      return shown
    })
    const processing = named(requests, BATCHED_PROCESS)
    expect(processing).toHaveLength(5)
    // On a slow machine, the five requests may be in more than one call. So the test collects the traces of all their calls.
    const callTraces = new Set(processing.flatMap(({ links }) => links.map(link => link.traceId)))
    const calls = await eventually(async () => (await Promise.all([...callTraces].map(spansOf))).flat())
    expect(faultsOf(calls)).toEqual([])
    expect(hopsOf(calls)).toEqual(new Set([`${BATCHED_CALL} < none`]))
    const pairs = (from: readonly ShownSpan[]) =>
      from.flatMap(span => span.links.map(link => [textOf(span), textOf(link)]))
    const linked = pairs(calls).toSorted()
    expect(linked.map(([, to]) => to).toSorted()).toEqual(processing.map(textOf).toSorted())
    expect(
      pairs(processing)
        .map(pair => pair.toReversed())
        .toSorted(),
    ).toEqual(linked)
  })
})
