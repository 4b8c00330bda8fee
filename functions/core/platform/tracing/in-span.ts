import { RequestError } from '../../domain/errors.ts'
import type { Span, SpanOptions, Tracer } from './port.ts'

/**
 * Does a task in a span of its own. If the task throws an error, the span has failed, unless the error is a refusal for
 * the client.
 */
export async function inSpan<T>(
  tracing: Pick<Tracer, 'start'>,
  name: string,
  options: SpanOptions,
  task: (span: Span) => Promise<T>,
): Promise<T> {
  const span = tracing.start(name, options)
  try {
    return await span.run(() => task(span))
  } catch (error) {
    if (!(error instanceof RequestError)) span.fail(kindOf(error))
    throw error
  } finally {
    span.end()
  }
}

/** Does one task for several spans at the same time. Each span gets a child of this name for the time of the task. */
export async function inEachSpan<T>(
  tracing: Pick<Tracer, 'start'>,
  parents: readonly Span[],
  name: string,
  task: () => Promise<T>,
): Promise<T> {
  const children = parents.map(parent => parent.run(() => tracing.start(name)))
  try {
    return await task()
  } catch (error) {
    for (const child of children) child.fail(kindOf(error))
    throw error
  } finally {
    for (const child of children) child.end()
  }
}

/**
 * Returns the kind of an error. A span does not contain the error's message, because the message may quote anything,
 * such as a prompt.
 */
const kindOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown')
