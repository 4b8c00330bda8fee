/** A value that is undefined is left out. Attributes never hold a prompt, a result, a key or a user. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

export interface SpanOptions {
  /** Default: `internal`. */
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  readonly attributes?: Attributes
  /**
   * The `traceparent` of the parent, as W3C Trace Context has it. Without one, or with one that can't be read, the parent is the
   * active span, and without an active span the span begins a new trace.
   */
  readonly parent?: string | undefined
  /** The `traceparent`s of spans in other traces. A span with links begins a new trace. It is sampled if one of these is. */
  readonly links?: readonly string[]
  /** When the span began, in epoch milliseconds. Default: now. */
  readonly startedAt?: number | undefined
}

export interface Span {
  /** What the other side of a call or a message gets to know. Undefined if tracing is off. */
  readonly traceparent: string | undefined
  /** Runs a task in which this span is the active one. */
  run<T>(task: () => T): T
  set(attributes: Attributes): void
  /** Says that the work of the span has failed, and by which kind of error. The kind is one of few. */
  fail(kind: string): void
  /** Adds a link to a span of another trace. */
  link(traceparent: string): void
  end(): void
}

/** Starts spans. A failure in it never makes a request fail. */
export interface Tracer {
  start(name: string, options?: SpanOptions): Span
  /** Returns the active span. Without one, a span that does nothing. */
  current(): Span
}

/** Traces of requests, and the way of their spans out of the function. */
export interface Tracing extends Tracer {
  /** Resolves when spans can be started. Until then, spans are lost. */
  prepare(): Promise<void>
  /** Exports the spans that have ended. Waits for that at most so many milliseconds. */
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
