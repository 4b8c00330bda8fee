import type { Bundles } from '../../lib/bundle.ts'
import { type Changes, changesBetween } from './changes.ts'
import { PIPELINE, STUB_BUNDLES, synthesizeText, type Template } from './synthesized.ts'

const TEXT = 'concurrency: 10\n'
const BATCHED = PIPELINE.replace(TEXT, `${TEXT}    batch: { count: 10, period: 1s }\n`)
const IMAGE = / {2}image:\n[\s\S]*?(?=observability)/
const ROUTE = '  - { when: \'model_type = "image"\', model: image }\n'
const WITHOUT_IMAGE = PIPELINE.replace(IMAGE, '').replace(ROUTE, '')
const WITH_INPUT = `${PIPELINE}inputs: [{ queue: orders }]\n`
const OBSERVABILITY = 'observability: { log_level: WARN,'

export interface Edit {
  readonly before: string
  readonly after: string
}
const from = (before: string, replaced: string | RegExp, by: string): Edit => ({
  before,
  after: before.replace(replaced, by),
})
const edit = (replaced: string | RegExp, by: string): Edit => from(PIPELINE, replaced, by)
const added = (line: string): Edit => ({ before: PIPELINE, after: `${PIPELINE}${line}\n` })

/** The changes of pipeline.yaml in the tables of docs/upgrades.md. The key is the first column of the row. */
export const EDITS: Readonly<Record<string, Edit>> = {
  'a model is added': { before: WITHOUT_IMAGE, after: PIPELINE },
  'a model is removed': { before: PIPELINE, after: WITHOUT_IMAGE },
  'a model is renamed': { before: PIPELINE, after: PIPELINE.replaceAll(/(model: | {2})image\b(?!\.)/g, '$1picture') },
  '`endpoint.url`, `headers`, `request`, `response`, `retry`': edit('text.example.com', 'other.example.com'),
  '`endpoint.timeout`': edit('timeout: 60s', 'timeout: 90s'),
  '`endpoint.auth`, another secret': edit('prod/IMAGE_KEY', 'prod/OTHER_KEY'),
  '`concurrency`': edit('concurrency: 10', 'concurrency: 60'),
  '`batch` is added or removed': { before: PIPELINE, after: BATCHED },
  '`batch.count`': from(BATCHED, 'count: 10', 'count: 20'),
  '`batch.period`': from(BATCHED, 'period: 1s', 'period: 5s'),
  '`rate_limit`': edit(TEXT, `${TEXT}    rate_limit: { count: 5, interval: 1s }\n`),
  '`circuit` is added': edit(TEXT, `${TEXT}    circuit: { failures: 5 }\n`),
  '`routing`': edit('model_type = "image"', 'model_type = "picture"'),
  '`quotas.plans`: limits, `priorities`, `models`': edit('priorities: [normal]', 'priorities: [high, normal]'),
  '`quotas.window`': edit('window: hour', 'window: day'),
  '`queue.expire_after`': edit('expire_after: 4h', 'expire_after: 6h'),
  '`waiting`': added('waiting: { total: 20 }'),
  '`reserved_concurrency`': added('reserved_concurrency: { gateway: 100 }'),
  'the first input is added': { before: PIPELINE, after: WITH_INPUT },
  'the last input is removed': { before: WITH_INPUT, after: PIPELINE },
  '`observability.log_level`, `fields`': edit('log_level: WARN', 'log_level: ERROR'),
  '`observability.metrics`': edit(
    OBSERVABILITY,
    `${OBSERVABILITY} metrics: { endpoint: "https://otel.example.com/v1/metrics" },`,
  ),
  '`observability.namespace`': edit('namespace: Shop', 'namespace: Other'),
  '`observability.store_prompts`': edit('store_prompts: false', 'store_prompts: true'),
  '`observability.retention.ledger` is added': edit(OBSERVABILITY, `${OBSERVABILITY} retention: { ledger: 90d },`),
  '`observability.retention.payloads`': edit(OBSERVABILITY, `${OBSERVABILITY} retention: { payloads: 60d },`),
}

/** The row of an update that changes only code. */
export const NEW_VERSION = 'a new version of Sluice, with other code alone'

const templates = new Map<string, Template>()
export function templateOf(text: string): Template {
  const known = templates.get(text) ?? synthesizeText(text).template
  templates.set(text, known)
  return known
}

const NOTHING = '–'

/** The cells of a row that a test checks. The last cell, about running requests, is written by hand. */
const cellsOf = ({ created, updated, deleted, replaced }: Changes): string[] =>
  [created, updated, deleted, replaced].map(text => text || NOTHING)

/** The cells of each row of the tables in docs/upgrades.md. The key is the row’s first cell. */
export const ROWS: ReadonlyMap<string, () => string[]> = new Map([
  ...Object.entries(EDITS).map(
    ([change, { before, after }]) =>
      [change, () => cellsOf(changesBetween(templateOf(before), templateOf(after)))] as const,
  ),
  [NEW_VERSION, () => cellsOf(changesBetween(templateOf(PIPELINE), templateOfOtherCode()))],
])

function templateOfOtherCode(): Template {
  const code = Buffer.from('export const handler = () => 1')
  const bundle = { files: new Map([['index.mjs', code]]), hash: 'def', packages: [] }
  const bundles = Object.fromEntries(Object.keys(STUB_BUNDLES).map(name => [name, bundle])) as unknown as Bundles
  return synthesizeText(PIPELINE, { bundles }).template
}

/** The number of cells in a row of these tables. */
const CELLS = 6

/** The rows of a page's tables of changes, as lists of cells. */
export const rowsOf = (page: string): string[][] =>
  page
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line => line.slice(2, -2).split(' | '))
    .filter(({ length }) => length === CELLS)

/** The text of the page, in which the cells that follow from the templates are written again. */
export const withCells = (page: string): string =>
  page
    .split('\n')
    .map(line => {
      const [[change = '', ...cells] = []] = rowsOf(line)
      const row = ROWS.get(change)
      return row ? `| ${[change, ...row(), ...cells.slice(4)].join(' | ')} |` : line
    })
    .join('\n')
