import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { ofType } from './queries.ts'
import { PIPELINE, type Resource, synthesizeText, type Template } from './synthesized.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'sluice-first-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const first = synthesizeText(PIPELINE, { protect: false })
const later = synthesizeText(PIPELINE)

/** The reason why CloudFormation does not delete this resource if the creation of the stack fails and is rolled back. */
function leftBehind({ DeletionPolicy, Properties }: Resource): string | undefined {
  const text = JSON.stringify(Properties)
  if (text.includes('"DeletionProtection":true') || text.includes('"DeletionProtectionEnabled":true'))
    return 'protected'
  return DeletionPolicy === 'Retain' ? 'retained' : undefined
}
const leftOf = ({ Resources }: Template) =>
  Object.entries(Resources).flatMap(([id, resource]) => {
    const reason = leftBehind(resource)
    return reason === undefined ? [] : [`${id} is ${reason}`]
  })

describe('a first deployment with -c protect=false', () => {
  it('leaves no resource behind if it fails and is rolled back', () => {
    expect(leftOf(first.template)).toEqual([])
    expect(first.terminationProtection ?? false).toBe(false)
  })

  it('keeps the resources with data in all later operations', () => {
    for (const type of ['AWS::DynamoDB::GlobalTable', 'AWS::S3::Bucket'])
      for (const { id, DeletionPolicy, UpdateReplacePolicy } of ofType(first.template, type))
        expect([id, DeletionPolicy, UpdateReplacePolicy]).toEqual([id, 'RetainExceptOnCreate', 'Retain'])
    for (const { DeletionPolicy, UpdateReplacePolicy } of ofType(first.template, 'AWS::RDS::DBCluster'))
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Snapshot', 'Snapshot'])
  })
})

describe('the next deployment, without -c protect=false', () => {
  it('protects the tables, the database and the stack', () => {
    expect(leftOf(later.template).map(line => line.replace(/^(State[A-Za-z]+)[0-9A-F]{8}/, '$1'))).toEqual([
      'StateTablesRequests is protected',
      'StateTablesQuota is protected',
      'StateTablesModels is protected',
      'StateTablesKeys is protected',
      'StateTablesUsers is protected',
      'StateLedgerCluster is protected',
    ])
    expect(later.terminationProtection).toBe(true)
  })

  it('the deployment that adds the protection changes nothing else, and replaces no resource', () => {
    const unprotected = JSON.stringify(later.template)
      .replaceAll('"DeletionProtection":true', '"DeletionProtection":false')
      .replaceAll('"DeletionProtectionEnabled":true', '"DeletionProtectionEnabled":false')
    expect(JSON.parse(unprotected)).toEqual(first.template)
  })
})

describe('cdk synth', () => {
  const synth = (protect: string) =>
    run(process.execPath, ['bin/app.ts'], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        CDK_OUTDIR: join(scratch, 'out'),
        CDK_CONTEXT_JSON: JSON.stringify({ protect }),
        SLUICE_CONFIG: 'pipeline.yaml',
      },
    })

  it('refuses any value of -c protect except true and false, with one sentence', async () => {
    await expect(synth('no')).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: '-c protect must be true or false, not "no"\n',
    })
  })
})
