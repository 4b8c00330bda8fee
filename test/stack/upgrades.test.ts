import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Bundles } from '../../lib/bundle.ts'
import { type Changes, changesBetween } from './changes.ts'
import { ofType, only } from './queries.ts'
import { PIPELINE, STUB_BUNDLES, synthesizeText, type Template } from './synthesized.ts'

/*
 * docs/upgrades.md says what each change of pipeline.yaml does to a stack. These tests make each change, compare the templates,
 * and hold the page's tables equal to what they find.
 */

const page = readFileSync(new URL('../../docs/upgrades.md', import.meta.url), 'utf8')

const TEXT = 'concurrency: 10\n'
const BATCHED = PIPELINE.replace(TEXT, `${TEXT}    batch: { count: 10, period: 1s }\n`)
const IMAGE = / {2}image:\n[\s\S]*?(?=observability)/
const ROUTE = '  - { when: \'model_type = "image"\', model: image }\n'
const WITHOUT_IMAGE = PIPELINE.replace(IMAGE, '').replace(ROUTE, '')
const WITH_INPUT = `${PIPELINE}inputs: [{ queue: orders }]\n`
const OBSERVABILITY = 'observability: { log_level: WARN,'

interface Edit {
  readonly before: string
  readonly after: string
}
const from = (before: string, replaced: string | RegExp, by: string): Edit => ({
  before,
  after: before.replace(replaced, by),
})
const edit = (replaced: string | RegExp, by: string): Edit => from(PIPELINE, replaced, by)
const added = (line: string): Edit => ({ before: PIPELINE, after: `${PIPELINE}${line}\n` })

/** The changes of the page's table, by its first column. */
const EDITS: Readonly<Record<string, Edit>> = {
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
  '`observability.namespace`': edit('namespace: Shop', 'namespace: Other'),
  '`observability.store_prompts`': edit('store_prompts: false', 'store_prompts: true'),
  '`observability.retention.ledger` is added': edit(OBSERVABILITY, `${OBSERVABILITY} retention: { ledger: 90d },`),
  '`observability.retention.payloads`': edit(OBSERVABILITY, `${OBSERVABILITY} retention: { payloads: 60d },`),
}

const templates = new Map<string, Template>()
function templateOf(text: string): Template {
  const known = templates.get(text) ?? synthesizeText(text).template
  templates.set(text, known)
  return known
}

const NOTHING = '–'

/** The cells of a row that are held true. The last cell is written by people. */
const cellsOf = ({ created, updated, deleted, replaced }: Changes): string[] =>
  [created, updated, deleted, replaced].map(text => text || NOTHING)

const rows = new Map(
  page
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line => line.slice(2, -2).split(' | '))
    .map(([change = '', ...cells]) => [change, cells]),
)

describe('docs/upgrades.md: a change of pipeline.yaml', () => {
  it.each(Object.entries(EDITS))('%s: does what the page says', (change, { before, after }) => {
    expect(after).not.toBe(before)
    const expected = cellsOf(changesBetween(templateOf(before), templateOf(after)))

    expect(rows.get(change)?.slice(0, 4)).toEqual(expected)
    expect(rows.get(change)?.[4], 'the last column says what happens to requests').toMatch(/\w+/)
  })

  it('is in the table only if it is tried here', () => {
    const known = ['change', '---', NEW_VERSION, ...Object.keys(EDITS)]
    expect([...rows.keys()].filter(change => !known.includes(change))).toEqual([])
  })

  it('replaces nothing that holds data or an address', () => {
    const replaced = Object.entries(EDITS).filter(
      ([, { before, after }]) => changesBetween(templateOf(before), templateOf(after)).replaced !== '',
    )
    expect(replaced.map(([change]) => change)).toEqual([])
  })

  it('of the name makes another stack, with other queues', () => {
    const other = synthesizeText(PIPELINE.replace('name: Shop-1', 'name: Shop-2')).template
    const queues = (template: Template) =>
      ofType(template, 'AWS::SQS::Queue').map(({ Properties }) => Properties.QueueName)

    expect(queues(other).filter(name => queues(templateOf(PIPELINE)).includes(name))).toEqual([])
    expect(page).toContain('another stack')
  })
})

const NEW_VERSION = 'a new version of Sluice, with other code alone'

it('a new version changes all functions and runs the migrations, and keeps the rest', () => {
  const other = {
    files: new Map([['index.mjs', Buffer.from('export const handler = () => 1')]]),
    hash: 'def',
    packages: [],
  }
  const bundles = Object.fromEntries(Object.keys(STUB_BUNDLES).map(name => [name, other])) as unknown as Bundles
  const after = synthesizeText(PIPELINE, { bundles }).template

  expect(rows.get(NEW_VERSION)?.slice(0, 4)).toEqual(cellsOf(changesBetween(templateOf(PIPELINE), after)))
})

describe('the engine of the database', () => {
  const engineOf = (template: Template) => only(template, 'AWS::RDS::DBCluster').Properties.EngineVersion

  it('has the version of the template, which AWS does not raise by itself', () => {
    expect(engineOf(templateOf(PIPELINE))).toBe('17.7')
    expect(only(templateOf(PIPELINE), 'AWS::RDS::DBInstance').Properties.AutoMinorVersionUpgrade).toBe(false)
  })

  it('has the newer version that the context names, for a database that was raised', () => {
    expect(engineOf(synthesizeText(PIPELINE, { context: { ledgerEngineVersion: '17.9' } }).template)).toBe('17.9')
  })

  it('is changed in place by a newer minor version', () => {
    const after = synthesizeText(PIPELINE, { context: { ledgerEngineVersion: '17.10' } }).template
    const changes = changesBetween(templateOf(PIPELINE), after)

    expect(changes).toEqual({ created: '', updated: 'database cluster; database instance', deleted: '', replaced: '' })
  })

  it.each(['17.6', '16.9', '18.1', '17', 'latest', '17.9; drop'])('refuses the version %s', version => {
    expect(() => synthesizeText(PIPELINE, { context: { ledgerEngineVersion: version } })).toThrow(
      `ledgerEngineVersion must be 17.7 or a newer minor version of 17, such as 17.9; it is ${version}`,
    )
  })
})
