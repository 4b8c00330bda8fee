import * as z from 'zod'
import type { OtlpReceiver } from './otlp-receiver.ts'

const Value = z.union([
  z.strictObject({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.strictObject({ boolValue: z.boolean() }).transform(({ boolValue }) => boolValue),
  z.strictObject({ intValue: z.string() }).transform(({ intValue }) => Number(intValue)),
  z.strictObject({ doubleValue: z.number() }).transform(({ doubleValue }) => doubleValue),
])
const Attributes = z
  .array(z.strictObject({ key: z.string(), value: Value }))
  .transform(list => Object.fromEntries(list.map(({ key, value }) => [key, value])))
const TraceId = z.string().regex(/^[0-9a-f]{32}$/)
const SpanId = z.string().regex(/^[0-9a-f]{16}$/)

const Span = z.strictObject({
  traceId: TraceId,
  spanId: SpanId,
  parentSpanId: SpanId.optional(),
  flags: z.int(),
  name: z.string(),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: z.string().regex(/^\d{19}$/),
  endTimeUnixNano: z.string().regex(/^\d{19}$/),
  attributes: Attributes,
  links: z
    .array(z.strictObject({ traceId: TraceId, spanId: SpanId, flags: z.int(), attributes: Attributes }))
    .default([]),
  status: z.strictObject({ code: z.int() }),
})
export type ExportedSpan = z.infer<typeof Span>

const ExportRequest = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes }),
      schemaUrl: z.url(),
      scopeSpans: z.array(
        z.strictObject({ scope: z.strictObject({ name: z.string() }), schemaUrl: z.url(), spans: z.array(Span) }),
      ),
    }),
  ),
})

/** All spans that a receiver has received, each with the function that has sent it. Throws if an export is not valid OTLP in JSON. */
export const spansAt = ({ exports }: Pick<OtlpReceiver, 'exports'>): (ExportedSpan & { readonly service: unknown })[] =>
  exports
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => ExportRequest.parse(body).resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans.map(span => ({ ...span, service: resource.attributes['service.name'] }))),
    )
