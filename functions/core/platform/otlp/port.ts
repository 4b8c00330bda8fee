/** The kinds of telemetry that are exported by OTLP. Each has its own endpoint. */
export type OtlpKind = 'traces' | 'metrics'

/** An export request of OTLP. */
export interface OtlpPayload {
  /** The request in OTLP's JSON encoding: `{ resourceSpans }` or `{ resourceMetrics }`. */
  readonly body: object
  /** The number of spans or data points in the body. If the payload is dropped, this number is counted. */
  readonly items: number
  /**
   * Whether the body contains everything of earlier payloads of its kind. Then earlier payloads that still wait are not
   * sent.
   */
  readonly supersedes?: boolean
}

/** Sends traces and metrics to their receiver. It never rejects, and never makes a request fail. */
export interface Otlp {
  /**
   * Takes a payload, and sends it in the background. A payload of a kind without an endpoint is ignored. A payload that does not fit
   * into the memory for waiting payloads is dropped.
   */
  postOtlp(kind: OtlpKind, payload: OtlpPayload): void
  /**
   * Waits until all payloads are sent, for at most `withinMs` milliseconds. It does not wait while the receiver is slow
   * or can't be reached, because the caller's answer would be late.
   */
  flush(withinMs: number): Promise<void>
  /** Returns the number of spans or data points that were dropped since the last call of this method. */
  takeDropped(kind: OtlpKind): number
}
