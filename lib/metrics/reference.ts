import type { MetricDefinition, OnCloudWatch } from '../../functions/core/platform/metrics/definition.ts'
import { definitionOf, METRIC_NAMES, type MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import { familyOf } from '../../functions/core/platform/metrics/families.ts'
import { LOCAL_FAMILIES } from './local-families.ts'
import { prometheusName } from './prometheus.ts'

const INTRODUCTION = `# Metrics

<!-- Generated from functions/core/platform/metrics/definitions.ts and lib/metrics/local-families.ts by \`npm run generate\`. -->

This page lists each metric of Sluice once. The dashboard, the alarms, the bill and all exports use the same definitions.
[monitoring.md](monitoring.md) says how to reach the metrics: CloudWatch, Prometheus, Grafana and OTLP.

- **Labels.** \`service\` is the function, such as \`sluice-worker-text\`. \`model\` is there where the table says so. No label has a user, a
  request or a key. So pipeline.yaml bounds the number of series.
- **CloudWatch** bills each set of dimensions, for the hours in which it has values. *in the log* means that the value is a field of the function's
  log line and no metric of CloudWatch, so it costs nothing more. CloudWatch Logs Insights can read it there.
- **OpenTelemetry's names** are Prometheus's with dots, and without \`_total\` and \`_seconds\`: \`sluice.completed_requests\`. The names that begin with
  \`gen_ai\` are \`gen_ai.client.operation.duration\` and \`gen_ai.client.token.usage\`, with the buckets of OpenTelemetry's conventions.
- **A gauge** has its last value. Prometheus and OTLP get it only for 5 minutes after it got that value, so \`TimeLeft\` is absent where nothing waits for long.
- A message of a queue may be delivered twice. Then it is counted twice. The ledger in Postgres is exact.
`

const GROUPS: readonly { readonly title: string; readonly has: (definition: MetricDefinition) => boolean }[] = [
  { title: 'What happens', has: ({ kind, sources }) => kind !== 'histogram' && !isTrouble(sources) },
  { title: 'How long, how many', has: ({ kind }) => kind === 'histogram' },
  { title: 'Where something is refused, deferred, lost or failed', has: ({ sources }) => isTrouble(sources) },
]

const isTrouble = (sources: MetricDefinition['sources']): boolean =>
  Object.values(sources).every(appears => appears === 'in trouble')

/** Writes the reference of all metrics in Markdown. */
export function metricsReference(): string {
  const tables = GROUPS.map(({ title, has }) =>
    table(
      title,
      METRIC_NAMES.filter(name => has(definitionOf(name))),
    ),
  )
  return [INTRODUCTION, ...tables, localTable()].join('\n')
}

const HEAD = [
  '| CloudWatch | Prometheus | labels | counted by | in CloudWatch | meaning |',
  '|---|---|---|---|---|---|',
]

const table = (title: string, names: readonly MetricName[]): string =>
  `${[`## ${title}`, '', ...HEAD, ...names.map(row)].join('\n')}\n${histogramNotes(names)}`

const WHERE: Readonly<Record<OnCloudWatch, string>> = {
  'per service': '`service`',
  'per model': '`service` and `model`',
  'per service and queue': '`service` and `queue`',
  'only in the log': 'in the log',
}

function row(name: MetricName): string {
  const { sources, description, on_cloudwatch = 'per service' } = definitionOf(name)
  const isOfModel = 'worker' in sources || on_cloudwatch === 'per model' || isMeasuredPerModel(name)
  const onlyAws = 'access log' in sources
  const cells = [
    `\`${name}\``,
    onlyAws ? '–' : `\`${prometheusName(familyOf(name))}\``,
    onlyAws
      ? '–'
      : `\`service\`${isOfModel ? ', `model`' : ''}${on_cloudwatch === 'per service and queue' ? ', `queue`' : ''}${attributesOf(name)}`,
    Object.keys(sources).join(', '),
    onlyAws ? 'no dimension' : WHERE[on_cloudwatch],
    description,
  ]
  return `| ${cells.join(' | ')} |`
}

/**
 * Returns whether the function measures a metric per model. The collector works for all models, and names the model of
 * each time that it measures.
 */
const isMeasuredPerModel = (name: MetricName): boolean => {
  const { kind, sources } = definitionOf(name)
  return kind === 'histogram' && 'collector' in sources
}

const attributesOf = (name: MetricName): string =>
  Object.entries(definitionOf(name).convention?.attributes ?? {})
    .map(([key, value]) => `, \`${key.replaceAll('.', '_')}="${value}"\``)
    .join('')

function histogramNotes(names: readonly MetricName[]): string {
  const notes = names.flatMap(name => {
    const { buckets } = definitionOf(name)
    return buckets ? [`- \`${name}\`: ${buckets.join(', ')}`] : []
  })
  return notes.length === 0 ? '' : `\nThe upper bounds of their buckets:\n\n${notes.join('\n')}\n`
}

function localTable(): string {
  const rows = Object.values(LOCAL_FAMILIES).map(
    family =>
      `| \`${prometheusName(family)}\` | ${family.labels.map(label => `\`${label}\``).join(', ')} | ${family.on_aws} | ${family.description} |`,
  )
  return `${[
    '## Of the local system alone',
    '',
    'AWS counts these by itself in a deployment. So the local system counts them, too. They are at `/metrics` and in its OTLP.',
    '',
    '| Prometheus | labels | on AWS | meaning |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`
}
