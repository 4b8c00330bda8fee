import { TraceFlags } from '@opentelemetry/api'
import { ParentBasedSampler, type Sampler, SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'

/**
 * Samples a fraction of the traces that begin here. A span with a parent keeps the decision of its parent. A span with
 * links is the call to the model for a batch. It is sampled if one of the linked spans is sampled, so that the call of
 * a sampled request is always recorded.
 */
export function createSampler(fraction: number): Sampler {
  const byTraceId = new TraceIdRatioBasedSampler(fraction)
  const root: Sampler = {
    shouldSample: (context, traceId, _name, _kind, _attributes, links) => {
      if (links.length === 0) return byTraceId.shouldSample(context, traceId)
      const isSampled = links.some(link => (link.context.traceFlags & TraceFlags.SAMPLED) === TraceFlags.SAMPLED)
      return { decision: isSampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD }
    },
    toString: () => `links, or ${byTraceId}`,
  }
  return new ParentBasedSampler({ root })
}
