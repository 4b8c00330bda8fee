/** The kinds of telemetry that leave by OTLP. Each has an endpoint of its own. */
export type OtlpKind = 'traces' | 'metrics'

/** An export request of OTLP. */
export interface OtlpPayload {
  /** The request as OTLP's JSON encoding has it: `{ resourceSpans }` or `{ resourceMetrics }`. */
  readonly body: object
  /** How many spans or data points the body has. They are counted if the payload is dropped. */
  readonly items: number
  /** Whether the body has all that earlier payloads of its kind have. Those of them that still wait are then not sent. */
  readonly supersedes?: boolean
}

/** The way of traces and metrics to their receiver. It never rejects, and never makes a request fail. */
export interface Otlp {
  /**
   * Takes a payload, and sends it in the background. A payload of a kind without an endpoint is ignored. A payload that does not fit
   * into the memory for waiting payloads is dropped.
   */
  postOtlp(kind: OtlpKind, payload: OtlpPayload): void
  /** Waits until all payloads are sent, but for at most so many milliseconds. It does not wait while the receiver is late or away. */
  flush(withinMs: number): Promise<void>
  /** How many spans or data points were dropped since the last call of this method. */
  takeDropped(kind: OtlpKind): number
}
