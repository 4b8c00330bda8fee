import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { eventually } from '../e2e/support/eventually.ts'
import { freePort } from '../support/free-port.ts'

const VERSION = '1.76.0'
const PROGRAM = 'github.com/jaegertracing/jaeger/cmd/all-in-one'

const Reference = z.object({ refType: z.enum(['CHILD_OF', 'FOLLOWS_FROM']), traceID: z.string(), spanID: z.string() })
const Tag = z.object({ key: z.string(), value: z.union([z.string(), z.number(), z.boolean()]) })
const JaegerSpan = z.object({
  traceID: z.string(),
  spanID: z.string(),
  operationName: z.string(),
  references: z.array(Reference),
  tags: z.array(Tag),
  processID: z.string(),
  warnings: z.array(z.string()).nullable(),
})
const JaegerTrace = z.object({
  traceID: z.string(),
  spans: z.array(JaegerSpan),
  processes: z.record(z.string(), z.object({ serviceName: z.string() })),
  warnings: z.array(z.string()).nullable(),
})
const Traces = z.object({ data: z.array(JaegerTrace).nullable() })
const Services = z.object({ data: z.array(z.string()).nullable() })

export interface SpanIds {
  readonly traceId: string
  readonly spanId: string
}

/** A span as Jaeger shows it. */
export interface ShownSpan extends SpanIds {
  readonly name: string
  /** The function that sent the span. */
  readonly service: string
  /** The parent that Jaeger has found, in this trace or in another trace. */
  readonly parent: SpanIds | undefined
  readonly parentSpanId: string | undefined
  readonly links: readonly SpanIds[]
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly warnings: readonly string[]
}

/** A trace as Jaeger shows it. */
export interface ShownTrace {
  readonly traceId: string
  readonly spans: readonly ShownSpan[]
  readonly warnings: readonly string[]
}

export interface Jaeger {
  /** The base URL of Jaeger's OTLP receiver. */
  readonly receiver: string
  /** The traces that Jaeger has under this id: none or one. */
  traces(traceId: string): Promise<ShownTrace[]>
  /** The ids of all traces with a span that has this attribute. */
  tracesWith(attribute: string, value: string): Promise<Set<string>>
  stop(): Promise<void>
}

/**
 * Returns the path of the Jaeger program. The environment variable JAEGER may name it. Otherwise Jaeger is built with Go once per machine, which
 * takes minutes. The result is kept outside of the repository.
 */
export function jaegerProgram(): string {
  const named = process.env.JAEGER
  if (named) return named
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice')
  const program = join(cache, `jaeger-${VERSION}`)
  if (!existsSync(program)) build(cache, program)
  return program
}

function build(cache: string, program: string): void {
  if (spawnSync('go', ['version']).status !== 0)
    throw new Error(
      `this test needs Jaeger ${VERSION}: install Go 1.24 or later to build it, or name the program all-in-one with JAEGER`,
    )
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'building-'))
  const go = (...argv: string[]) => execFileSync('go', argv, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    // `go install` refuses a module with a `replace` directive, and Jaeger's module has one. So Jaeger is built as a tool of a new module.
    go('mod', 'init', 'jaeger')
    go('get', '-tool', `${PROGRAM}@v${VERSION}`)
    go('build', '-o', 'jaeger', PROGRAM)
    renameSync(join(folder, 'jaeger'), program)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Starts a Jaeger that keeps its traces in memory, and resolves when Jaeger answers. */
export async function startJaeger(program: string): Promise<Jaeger> {
  const receiver = `127.0.0.1:${await freePort()}`
  const query = `127.0.0.1:${await freePort()}`
  const child = spawn(
    program,
    [
      `--collector.otlp.http.host-port=${receiver}`,
      `--query.http-server.host-port=${query}`,
      // No test calls these servers of Jaeger. With port 0, the operating system chooses free ports for them.
      ...[
        'collector.otlp.grpc',
        'collector.grpc-server',
        'collector.http-server',
        'query.grpc-server',
        'admin.http',
      ].map(server => `--${server}.host-port=127.0.0.1:0`),
      '--log-level=error',
    ],
    {
      // Without this setting, Jaeger also sends traces of its own calls, which would disturb the tests.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, OTEL_TRACES_SAMPLER: 'always_off' },
      stdio: 'ignore',
    },
  )
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`Jaeger has ended with exit code ${code}`)
  })
  const ask = asker(`http://${query}`)
  failed.catch(() => undefined)
  try {
    await Promise.race([failed, eventually(() => ask('services'))])
  } catch (error) {
    await end(child)
    throw error
  }
  return {
    receiver: `http://${receiver}`,
    traces: async traceId => tracesIn(await ask(`traces/${traceId}`)),
    tracesWith: async (attribute, value) => {
      const { data: services } = Services.parse(await ask('services'))
      const tags = JSON.stringify({ [attribute]: value })
      const found = await Promise.all(
        (services ?? []).map(async service => tracesIn(await ask(`traces?${new URLSearchParams({ service, tags })}`))),
      )
      return new Set(found.flat().map(({ traceId }) => traceId))
    },
    stop: () => end(child),
  }
}

/** Calls Jaeger's query API. Jaeger answers with 404 if it has no trace with an id. */
const asker = (origin: string) => async (path: string) => {
  const response = await fetch(`${origin}/api/${path}`)
  if (!response.ok && response.status !== 404) throw new Error(`Jaeger has answered with ${response.status}`)
  return response.json()
}

const tracesIn = (answer: unknown): ShownTrace[] =>
  (Traces.parse(answer).data ?? []).map(({ traceID, spans, processes, warnings }) => ({
    traceId: traceID,
    spans: spans.map(span => shown(span, processes[span.processID]?.serviceName ?? '')),
    warnings: warnings ?? [],
  }))

function shown(span: z.infer<typeof JaegerSpan>, service: string): ShownSpan {
  const referred = (type: 'CHILD_OF' | 'FOLLOWS_FROM') =>
    span.references
      .filter(({ refType }) => refType === type)
      .map(({ traceID, spanID }) => ({ traceId: traceID, spanId: spanID }))
  const [parent] = referred('CHILD_OF')
  return {
    traceId: span.traceID,
    spanId: span.spanID,
    name: span.operationName,
    service,
    parent,
    parentSpanId: parent?.spanId,
    links: referred('FOLLOWS_FROM'),
    attributes: Object.fromEntries(span.tags.map(({ key, value }) => [key, value])),
    warnings: span.warnings ?? [],
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
