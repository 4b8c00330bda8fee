import { RequestError } from '../../domain/errors.ts'
import type { Span, SpanOptions, Tracer } from './port.ts'

/** Does a task in a span of its own. The span has failed if the task throws an error, unless that is a refusal for the client. */
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

/** Does one task for several spans at the same time. Each gets a child of this name, as long as the task takes. */
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

/** An error's message may hold anything, so that a span has its kind only. */
const kindOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown')
