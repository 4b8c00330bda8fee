import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { type Clock, systemClock } from '../clock.ts'
import type { Otlp } from '../otlp/port.ts'
import { ERROR_TYPE, SERVICE_NAME, SERVICE_NAMESPACE } from './attributes.ts'
import { toExportRequest } from './otlp-spans.ts'
import { type Attributes, type Span, type SpanOptions, type Tracing, untraced } from './port.ts'
import { createSampler } from './sampler.ts'
import { formatTraceparent, parseTraceparent } from './traceparent.ts'

/**
 * The most spans that wait for the end of their invocation. Further spans are dropped and counted, so that the memory
 * is limited. An invocation has a few spans per message, and at most 1,000 messages.
 */
const MAX_ENDED_SPANS = 8_192

/** The most spans in one export. With this number, the export is much smaller than receivers accept. */
const MAX_EXPORTED_SPANS = 256

/** The longest attribute, in characters. Names of queues, models and routes are shorter. */
const MAX_ATTRIBUTE_LENGTH = 256

/** The most links of a span. The span of a batch's call has a link per request. */
const MAX_LINKS = 1_000

export interface TracingSettings {
  /** The name of the function, such as `sluice-gateway`. */
  readonly service: string
  readonly deployment: string
  /** The fraction of the traces beginning in this function that is sampled, from 0 to 1. */
  readonly sample: number
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

/**
 * Makes tracing by OpenTelemetry's SDK. `onDropped` is called with the number of spans that never reached the receiver.
 * `clock` gives the start and the end of each span. The SDK would round only the start down to a millisecond, so a span
 * could end before the spans in it.
 */
export function otelTracing(
  settings: TracingSettings,
  otlp: Otlp,
  onDropped: (spans: number) => void,
  clock: Clock = systemClock,
): Tracing {
  const active = new AsyncLocalStorage<Span>()
  const ended = endedSpans()
  const provider = new TracerProvider({
    sampler: createSampler(settings.sample),
    spanProcessors: [ended.processor],
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_LENGTH, linkCountLimit: MAX_LINKS },
  })
  const tracer = provider.getTracer('sluice')
  const resource = { [SERVICE_NAME]: settings.service, [SERVICE_NAMESPACE]: settings.deployment }

  function start(name: string, options: SpanOptions = {}): Span {
    const { kind = 'internal', attributes = {}, links, startedAt = clock() } = options
    const parent = links ? undefined : (contextOf(options.parent) ?? contextOf(active.getStore()?.traceparent, false))
    const span = tracer.startSpan(
      name,
      {
        kind: KINDS[kind],
        attributes: present(attributes),
        links: (links ?? []).flatMap(linkTo),
        startTime: new Date(startedAt),
      },
      parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
    )
    return wrap(span, active, clock)
  }

  return {
    prepare: async () => undefined,
    start,
    current: () => active.getStore() ?? untraced.current(),
    flush: async withinMs => {
      for (let spans = ended.take(MAX_EXPORTED_SPANS); spans.length > 0; spans = ended.take(MAX_EXPORTED_SPANS))
        otlp.postOtlp('traces', { body: toExportRequest(spans, resource), items: spans.length })
      await otlp.flush(withinMs)
      const dropped = ended.takeDropped() + otlp.takeDropped('traces')
      if (dropped > 0) onDropped(dropped)
    },
  }
}

function wrap(span: OtelSpan, active: AsyncLocalStorage<Span>, clock: Clock): Span {
  const { traceId, spanId, traceFlags } = span.spanContext()
  const isSampled = (traceFlags & TraceFlags.SAMPLED) === TraceFlags.SAMPLED
  const wrapped: Span = {
    traceparent: formatTraceparent({ traceId, spanId, isSampled }),
    run: task => active.run(wrapped, task),
    set: attributes => void span.setAttributes(present(attributes)),
    fail: kind => void span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute(ERROR_TYPE, kind),
    link: traceparent => void span.addLinks(linkTo(traceparent)),
    end: () => span.end(new Date(clock())),
  }
  return wrapped
}

function contextOf(traceparent: string | undefined, isRemote = true): SpanContext | undefined {
  const context = parseTraceparent(traceparent)
  if (!context) return undefined
  const { traceId, spanId, isSampled } = context
  return { traceId, spanId, isRemote, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE }
}

function linkTo(traceparent: string): { context: SpanContext }[] {
  const context = contextOf(traceparent)
  return context ? [{ context }] : []
}

const present = (attributes: Attributes): Record<string, string | number | boolean> =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )

/** Keeps ended spans until they are exported. The memory for them is limited. */
function endedSpans() {
  const spans: ReadableSpan[] = []
  let dropped = 0
  const processor: SpanProcessor = {
    onStart: () => undefined,
    onEnd: span => {
      if (spans.length < MAX_ENDED_SPANS) spans.push(span)
      else dropped += 1
    },
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  }
  return {
    processor,
    take: (count: number): ReadableSpan[] => spans.splice(0, count),
    takeDropped: (): number => {
      const count = dropped
      dropped = 0
      return count
    },
  }
}
