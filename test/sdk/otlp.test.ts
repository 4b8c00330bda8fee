import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addSamples } from '../../functions/core/platform/metrics/families.ts'
import type { Sample } from '../../functions/core/platform/metrics/meter.ts'
import { otlpMetrics } from '../../functions/core/platform/metrics/otlp.ts'
import { createRegistry } from '../../functions/core/platform/metrics/registry.ts'
import { otelTracing } from '../../functions/core/platform/tracing/otel-tracing.ts'
import { NOW } from '../support/clock.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-otlp-'))
const python = join(folder, 'bin/python')
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

beforeAll(() => {
  execFileSync('python3', ['-m', 'venv', folder])
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '-r', here('otlp-requirements.txt')])
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Parses exports with OpenTelemetry's own definitions. Throws if an export does not match them. */
const read = (traces: readonly object[], metrics: readonly object[]) =>
  JSON.parse(
    execFileSync(python, [here('clients/otlp.py')], {
      input: JSON.stringify({ traces, metrics }),
      encoding: 'utf8',
      stdio: 'pipe',
    }),
  )

const CLIENT = '0af7651916cd43dd8448eb211c80319c'
const OTHER = '4bf92f3577b34da6a3ce929d0e0e4736'

/** Exports of three spans: of a request, of the call to the model for it, and of a call for a batch. */
async function exportedTraces(): Promise<object[]> {
  const bodies: object[] = []
  const otlp = {
    postOtlp: (_: string, { body }: { body: object }) => void bodies.push(body),
    flush: async () => undefined,
    takeDropped: () => 0,
  }
  const tracing = otelTracing({ service: 'shop-gateway', deployment: 'shop', sample: 1 }, otlp, () => undefined)
  const api = tracing.start('POST /v1/inference', {
    kind: 'server',
    parent: `00-${CLIENT}-b7ad6b7169203331-01`,
    startedAt: NOW,
    attributes: { 'http.route': '/v1/inference', 'sluice.attempt': 2, share: 0.5, isBig: true },
  })
  const call = api.run(() => tracing.start('chat text', { kind: 'client' }))
  call.fail('500')
  call.end()
  api.end()
  const batch = tracing.start('chat batched', { kind: 'client', links: [`00-${OTHER}-b7ad6b7169203331-01`] })
  batch.end()
  await tracing.flush(0)
  return bodies
}

it('OpenTelemetry’s own definitions read each span with all of its fields', async () => {
  const { spans } = read(await exportedTraces(), [])

  expect(spans).toMatchObject([
    { name: 'chat text', kind: 3, trace: CLIENT, attributes: { 'error.type': '500' }, status: 2 },
    {
      name: 'POST /v1/inference',
      kind: 2,
      trace: CLIENT,
      parent: 'b7ad6b7169203331',
      attributes: { 'http.route': '/v1/inference', 'sluice.attempt': 2, share: 0.5, isBig: true },
      links: [],
      status: 0,
    },
    { name: 'chat batched', kind: 3, parent: '', links: [OTHER] },
  ])
  for (const { took_ns } of spans) expect(took_ns).toBeGreaterThanOrEqual(0)
})

it('OpenTelemetry’s own definitions read each kind of metric', () => {
  const registry = createRegistry(() => NOW)
  const sample = (name: Sample['name'], values: number[]): Sample => ({
    name,
    service: 'shop-worker',
    model: 'text',
    values,
  })
  addSamples(registry, [sample('ModelCalls', [3]), sample('TimeLeft', [7]), sample('ModelLatency', [0.3, 200])])

  const { metrics } = read([], [otlpMetrics(registry, { 'service.name': 'shop' }, NOW + 1_000)])

  const attributes = { service: 'shop-worker', model: 'text' }
  expect(metrics).toMatchObject([
    { name: 'sluice.model_calls', unit: '{call}', kind: 'sum', points: [{ attributes, value: 3 }] },
    { name: 'sluice.time_left', unit: 's', kind: 'gauge', points: [{ attributes, value: 7 }] },
    {
      name: 'gen_ai.client.operation.duration',
      unit: 's',
      kind: 'histogram',
      points: [{ attributes, count: 2, sum: 200.3 }],
    },
  ])
})

it('OpenTelemetry’s own definitions refuse an export with an unknown field', async () => {
  const [body] = await exportedTraces()

  expect(() => read([{ ...body, resource_span: [] }, { resourceSpans: [{ scope_span: [] }] }], [])).toThrow()
})
