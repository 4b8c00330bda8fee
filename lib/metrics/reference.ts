import type { MetricDefinition, OnCloudWatch } from '../../functions/core/platform/metrics/definition.ts'
import { definitionOf, METRIC_NAMES, type MetricName } from '../../functions/core/platform/metrics/definitions.ts'
import { familyOf } from '../../functions/core/platform/metrics/families.ts'
import { LOCAL_FAMILIES } from './local-families.ts'
import { prometheusName } from './prometheus.ts'

const INTRODUCTION = `# Metrics

<!-- Generated from functions/core/platform/metrics/definitions.ts and lib/metrics/local-families.ts by \`npm run generate\`. -->

This page lists each metric of Sluice once. The dashboard, the alarms, the bill and all exports use the same definitions.
[monitoring.md](monitoring.md) describes how to read the metrics with CloudWatch, Prometheus, Grafana and OTLP.

- **Labels.** \`service\` is the function, such as \`sluice-worker-text\`. The column "labels" shows which metrics also have \`model\`. No label has a user, a
  request or a key. So the number of series depends only on pipeline.yaml.
- **CloudWatch** bills each set of dimensions, for the hours in which it has values. *in the log* means that the value is only a field of the function's
  log line, and not a metric of CloudWatch. So it has no extra cost. CloudWatch Logs Insights can read it there.
- **OpenTelemetry's names** have dots instead of the underscores of Prometheus's names, and no \`_total\` and \`_seconds\`: \`sluice.completed_requests\`. The names that begin with
  \`gen_ai\` are \`gen_ai.client.operation.duration\` and \`gen_ai.client.token.usage\`, with the buckets of OpenTelemetry's conventions.
- **A gauge** keeps its last value. Prometheus and OTLP get this value only for 5 minutes after the function has set it. So \`TimeLeft\` is absent if no request waits for long.
- A message of a queue may be delivered twice. Then its request is counted twice. The ledger in Postgres is exact.
`

const GROUPS: readonly { readonly title: string; readonly has: (definition: MetricDefinition) => boolean }[] = [
  { title: 'Counts of normal operation', has: ({ kind, sources }) => kind !== 'histogram' && !isTrouble(sources) },
  { title: 'Durations and sizes', has: ({ kind }) => kind === 'histogram' },
  { title: 'Refusals, deferrals, losses and failures', has: ({ sources }) => isTrouble(sources) },
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
 * Returns whether the collector measures a metric with the label `model`. The collector works for all models. So it adds
 * the model to each of its histograms, i.e. to the durations and sizes.
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
  return notes.length === 0 ? '' : `\nThe histograms have buckets with these upper bounds:\n\n${notes.join('\n')}\n`
}

function localTable(): string {
  const rows = Object.values(LOCAL_FAMILIES).map(
    family =>
      `| \`${prometheusName(family)}\` | ${family.labels.map(label => `\`${label}\``).join(', ')} | ${family.on_aws} | ${family.description} |`,
  )
  return `${[
    '## Metrics of the local system only',
    '',
    'In a deployment, AWS itself counts these values. On this machine, the local system counts them. They are at `/metrics` and in the OTLP exports of the local system.',
    '',
    '| Prometheus | labels | on AWS | meaning |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`
}
