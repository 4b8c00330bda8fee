import type { Attributes, HrTime, Link, SpanContext } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { SCHEMA_URL } from './attributes.ts'

const SCOPE = { name: 'sluice' }

/**
 * Two bits of OTLP's flags. The first says that it is known whether the parent is in another process. The second says
 * that the parent is in another process.
 */
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200

/** Builds the export request of OTLP's JSON encoding for these spans. Ids are in hex, and 64-bit numbers are texts. */
export const toExportRequest = (spans: readonly ReadableSpan[], resource: Attributes): object => ({
  resourceSpans: [
    {
      resource: { attributes: toKeyValues(resource) },
      scopeSpans: [{ scope: SCOPE, spans: spans.map(toSpan), schemaUrl: SCHEMA_URL }],
      schemaUrl: SCHEMA_URL,
    },
  ],
})

function toSpan(span: ReadableSpan): object {
  const { traceId, spanId, traceFlags } = span.spanContext()
  const { parentSpanContext: parent, status } = span
  return {
    traceId,
    spanId,
    ...(parent && { parentSpanId: parent.spanId }),
    flags: traceFlags | HAS_IS_REMOTE | (parent?.isRemote ? IS_REMOTE : 0),
    name: span.name,
    // OTLP counts kinds from 1: 0 is unspecified.
    kind: span.kind + 1,
    startTimeUnixNano: toNanoseconds(span.startTime),
    endTimeUnixNano: toNanoseconds(span.endTime),
    attributes: toKeyValues(span.attributes),
    ...(span.droppedAttributesCount > 0 && { droppedAttributesCount: span.droppedAttributesCount }),
    ...(span.links.length > 0 && { links: span.links.map(toLink) }),
    ...(span.droppedLinksCount > 0 && { droppedLinksCount: span.droppedLinksCount }),
    status: { code: status.code },
  }
}

const toLink = ({ context, attributes = {} }: Link): object => ({
  ...idsOf(context),
  flags: context.traceFlags | HAS_IS_REMOTE | IS_REMOTE,
  attributes: toKeyValues(attributes),
})

const idsOf = ({ traceId, spanId }: SpanContext) => ({ traceId, spanId })

const toNanoseconds = ([seconds, nanoseconds]: HrTime): string =>
  String(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds))

const toKeyValues = (attributes: Attributes): object[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: toValue(value) }))

function toValue(value: Attributes[string]): object {
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  return { stringValue: String(value) }
}
