import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { changesBetween } from './changes.ts'
import { EDITS, ROWS, rowsOf, templateOf } from './edits.ts'
import { ofType, only } from './queries.ts'
import { PIPELINE, synthesizeText, type Template } from './synthesized.ts'

/**
 * docs/upgrades.md says what each change of pipeline.yaml does to a stack. These tests make each change, compare the
 * templates, and compare the page’s tables with the result.
 */

const page = readFileSync(new URL('../../docs/upgrades.md', import.meta.url), 'utf8')
const rows = new Map(rowsOf(page).map(([change = '', ...cells]) => [change, cells]))

describe('docs/upgrades.md: a change of pipeline.yaml', () => {
  it.each([...ROWS])('%s: has the effects on the stack that the page says', (change, row) => {
    const cells = rows.get(change)

    expect(cells?.slice(0, 4), 'npx node test/stack/write-upgrades.ts writes these cells').toEqual(row())
    expect(cells?.[4], 'the last column says what happens to requests').toMatch(/\w+/)
  })

  it.each(Object.entries(EDITS))('%s: really changes the text of the pipeline in this test', (_, { before, after }) => {
    expect(after).not.toBe(before)
  })

  it('each change in the tables of the page is one that this test makes', () => {
    const known = ['change', '---', ...ROWS.keys()]
    expect([...rows.keys()].filter(change => !known.includes(change))).toEqual([])
  })

  it('no change of pipeline.yaml in the tables replaces a resource with data or an address', () => {
    const replaced = Object.entries(EDITS).filter(
      ([, { before, after }]) => changesBetween(templateOf(before), templateOf(after)).replaced !== '',
    )
    expect(replaced.map(([change]) => change)).toEqual([])
  })

  it('a changed `name` in pipeline.yaml makes another stack with other queues', () => {
    const other = synthesizeText(PIPELINE.replace('name: Shop-1', 'name: Shop-2')).template
    const queues = (template: Template) =>
      ofType(template, 'AWS::SQS::Queue').map(({ Properties }) => Properties.QueueName)

    expect(queues(other).filter(name => queues(templateOf(PIPELINE)).includes(name))).toEqual([])
    expect(page).toContain('another stack')
  })
})

describe('the PostgreSQL version of the ledger’s database', () => {
  const engineOf = (template: Template) => only(template, 'AWS::RDS::DBCluster').Properties.EngineVersion

  it('is 17.7, as the template says, and AWS does not upgrade it automatically', () => {
    expect(engineOf(templateOf(PIPELINE))).toBe('17.7')
    expect(only(templateOf(PIPELINE), 'AWS::RDS::DBInstance').Properties.AutoMinorVersionUpgrade).toBe(false)
  })

  it('is the newer version that -c ledgerEngineVersion gives, for a database that an operator has upgraded', () => {
    expect(engineOf(synthesizeText(PIPELINE, { context: { ledgerEngineVersion: '17.9' } }).template)).toBe('17.9')
  })

  it('a newer minor version upgrades the database in place, and does not replace it by an empty one', () => {
    const after = synthesizeText(PIPELINE, { context: { ledgerEngineVersion: '17.10' } }).template
    const changes = changesBetween(templateOf(PIPELINE), after)

    expect(changes).toEqual({ created: '', updated: 'database cluster', deleted: '', replaced: '' })
  })

  it.each(['17.6', '16.9', '18.1', '17', 'latest', '17.9; drop'])(
    '-c ledgerEngineVersion=%s is refused: it is not a newer minor version of the template’s version',
    version => {
      expect(() => synthesizeText(PIPELINE, { context: { ledgerEngineVersion: version } })).toThrow(
        `ledgerEngineVersion must be 17.7 or a newer minor version of 17, such as 17.9; it is ${version}`,
      )
    },
  )
})
