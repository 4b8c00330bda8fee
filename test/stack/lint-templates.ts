import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { largestPipeline, RABBITMQ_PIPELINES } from './pipelines.ts'
import { PLANTED } from './planted.ts'
import { faultsOf } from './rules.ts'
import { PIPELINE, synthesizeText, type Template } from './synthesized.ts'

/**
 * Lints templates of the stack: `node test/stack/lint-templates.ts CFN_LINT`, where CFN_LINT is the path of cfn-lint. A template of
 * Sluice must have no error. To show that the linters work, cfn-lint or a rule of Sluice must find each planted error.
 */

/** The regions whose specifications cfn-lint uses. All of them have the RDS Data API. */
const REGIONS = ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-northeast-1', 'ap-southeast-2']

const [, , cfnLint = 'cfn-lint'] = process.argv
const folder = mkdtempSync(join(tmpdir(), 'sluice-lint-'))
const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8')

/** Runs cfn-lint on a template, and returns its errors as lines. */
function lint(name: string, template: Template): string[] {
  const file = join(folder, `${name}.template.json`)
  writeFileSync(file, JSON.stringify(template, null, 1))
  const format = ['--format', 'parseable', '--non-zero-exit-code', 'error']
  const { status, stdout, stderr, error } = spawnSync(cfnLint, [...format, '--regions', ...REGIONS, '--', file], {
    encoding: 'utf8',
  })
  if (error || status === null || stderr !== '') throw new Error(`cfn-lint failed: ${error?.message ?? stderr}`)
  const errors = stdout.split('\n').filter(line => /:E\d{4}:/.test(line))
  if ((status !== 0) !== errors.length > 0) throw new Error(`cfn-lint ended with ${status}, and printed: ${stdout}`)
  return errors.map(line => line.replace(folder, ''))
}

const say = (line: string) => process.stdout.write(`${line}\n`)
let failed = 0
const check = (what: string, isRight: boolean, details: readonly string[]) => {
  say(`${isRight ? 'ok' : 'FAILED'}  ${what}`)
  if (isRight) return
  failed++
  for (const detail of details) say(`        ${detail}`)
}

try {
  const texts = {
    'default pipeline': read('../../pipeline.yaml'),
    'six models of all kinds': read('fixtures/six-models.yaml'),
    'largest pipeline': largestPipeline(),
    ...RABBITMQ_PIPELINES,
  }
  for (const [name, text] of Object.entries(texts)) {
    const { template } = synthesizeText(text)
    const found = [...lint(name.replaceAll(' ', '-'), template), ...faultsOf(template)]
    check(`no error in the template of the ${name}`, found.length === 0, found)
  }
  const { template } = synthesizeText(PIPELINE)
  check('no error in the template without the planted ones', lint('none', template).length === 0, [])
  for (const [i, { error, by, plant }] of PLANTED.entries()) {
    const planted = plant(template)
    const found = by === 'ours' ? faultsOf(planted) : lint(`planted-${i}`, planted)
    check(`found by ${by === 'ours' ? 'a rule of ours' : by}: ${error}`, found.length > 0, [])
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed === 0 ? 0 : 1
