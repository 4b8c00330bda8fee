/** The parts of pipeline.yaml with the receivers of traces and metrics. */
interface Observability {
  readonly tracing: false | { readonly endpoint: string }
  readonly metrics?: { readonly endpoint: string } | undefined
}

/** The addresses of AWS's own receiver of traces. */
const AWS_RECEIVER = /^xray\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/

/** Returns whether an endpoint of traces is AWS's own receiver. */
export const isXray = (endpoint: string): boolean =>
  endpoint === 'xray' || AWS_RECEIVER.test(new URL(endpoint).hostname)

/** Returns whether traces go to AWS's own receiver. */
export const tracesToXray = ({ tracing }: Pick<Observability, 'tracing'>): boolean =>
  tracing !== false && isXray(tracing.endpoint)

/**
 * Returns the URLs to which functions send traces and metrics by OTLP, except the URL of AWS's own receiver. Each URL
 * has its path in pipeline.yaml.
 */
export function otherReceivers({ tracing, metrics }: Observability): { url: string; path: string[] }[] {
  return [
    ...(tracing === false || isXray(tracing.endpoint)
      ? []
      : [{ url: tracing.endpoint, path: ['tracing', 'endpoint'] }]),
    ...(metrics ? [{ url: metrics.endpoint, path: ['metrics', 'endpoint'] }] : []),
  ]
}
