/**
 * The attributes of a span. A value that is undefined is left out. Attributes never contain a prompt, a result, a key
 * or a user.
 */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

export interface SpanOptions {
  /** Default: `internal`. */
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  readonly attributes?: Attributes
  /**
   * The `traceparent` of the parent, in the form of W3C Trace Context. If it is absent or unreadable, the parent is the
   * active span. Without an active span, the span begins a new trace.
   */
  readonly parent?: string | undefined
  /**
   * The `traceparent`s of spans in other traces. A span with links begins a new trace. It is sampled if one of the
   * linked spans is sampled.
   */
  readonly links?: readonly string[]
  /** The time at which the span began, in epoch milliseconds. Default: now. */
  readonly startedAt?: number | undefined
}

export interface Span {
  /** The context that the other side of a call or a message gets. Undefined if tracing is off. */
  readonly traceparent: string | undefined
  /** Runs a task in which this span is the active one. */
  run<T>(task: () => T): T
  set(attributes: Attributes): void
  /** Marks the work of the span as failed, with the kind of its error, such as an exception's name or an HTTP status. */
  fail(kind: string): void
  /** Adds a link to a span of another trace. */
  link(traceparent: string): void
  end(): void
}

/** Starts spans. A failure of the tracer never makes a request fail. */
export interface Tracer {
  start(name: string, options?: SpanOptions): Span
  /** Returns the active span. If there is none, it returns a span that does nothing. */
  current(): Span
}

/** Makes the traces of requests, and exports their spans. */
export interface Tracing extends Tracer {
  /** Resolves when spans can be started. Until then, spans are lost, and traces have gaps. */
  prepare(): Promise<void>
  /** Exports the spans that have ended. Waits for the export for at most `withinMs` milliseconds. */
  flush(withinMs: number): Promise<void>
}

const NO_SPAN: Span = {
  traceparent: undefined,
  run: task => task(),
  set: () => undefined,
  fail: () => undefined,
  link: () => undefined,
  end: () => undefined,
}

/** Tracing that is off. */
export const untraced: Tracing = {
  prepare: async () => undefined,
  start: () => NO_SPAN,
  current: () => NO_SPAN,
  flush: async () => undefined,
}
