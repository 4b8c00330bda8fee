import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkImports, NAMES_SQS, parseImports, type SourceFile, withoutComments } from '../support/imports.ts'

const sources = (): SourceFile[] =>
  globSync('{bin,lib,functions}/**/*.ts').map(path => parseImports(path, readFileSync(path, 'utf8')))

describe('the import rules of docs/architecture.md', () => {
  const files = sources()
  const findings = checkImports(files)

  it('the import rules hold in bin, lib and functions', () => {
    expect(findings.violations).toEqual([])
  })

  it('the import rules apply to existing files: for each rule, there are files with imports', () => {
    expect(findings.files).toBeGreaterThan(100)
    expect(findings.imports).toBeGreaterThan(300)
    expect(findings.idle).toEqual([])
  })

  it('the check of the import rules recognizes which files are adapters', () => {
    expect(findings.adapters).toEqual(
      expect.arrayContaining([
        'functions/core/stores/access/dynamodb.ts',
        'functions/core/inference/http-endpoint.ts',
        'functions/core/stores/requests/dynamodb.ts',
        'functions/core/stores/ledger/rds-data.ts',
        'functions/core/stores/payloads/lazy-s3.ts',
        'functions/core/queue/sqs.ts',
        'functions/core/stores/quota/dynamodb.ts',
      ]),
    )
    for (const path of findings.adapters) expect(path).not.toMatch(/\/(port|names|verdict|key|mapping|merge)\.ts$/)
  })

  it.each([
    { path: 'functions/gateway/x.ts', text: "import { Stack } from 'aws-cdk-lib/core'" },
    { path: 'functions/gateway/x.ts', text: "import type { Pipeline } from '../../lib/config/load.ts'" },
    { path: 'functions/gateway/x.ts', text: "export { Settings } from '../worker/settings.ts'" },
    { path: 'functions/gateway/x.ts', text: "export * from '../worker/settings.ts'" },
    { path: 'functions/gateway/x.ts', text: "import { dynamoQuota } from '../core/stores/quota/dynamodb.ts'" },
    { path: 'functions/gateway/x.ts', text: "const s3 = await import('../core/stores/payloads/lazy-s3.ts')" },
    { path: 'functions/gateway/x.ts', text: 'const any = await import(process.env.MODULE)' },
    { path: 'functions/gateway/x.ts', text: "type Quota = typeof import('../core/stores/quota/dynamodb.ts')" },
    { path: 'functions/gateway/compose.ts', text: "import { sqsQueue } from '../core/queue/sqs.ts'" },
    {
      path: 'functions/gateway/handler.ts',
      text: "import { SQS_CAPABILITIES } from '../core/queue/sqs-capabilities.ts'",
    },
    { path: 'functions/core/queue/x.ts', text: "import type { SQSClient } from '@aws-sdk/client-sqs'" },
    { path: 'functions/core/stores/quota/x.ts', text: "import type { RequestItems } from '../requests/port.ts'" },
    {
      path: 'functions/core/stores/quota/x.ts',
      text: "import { finalizeRequest } from '../../lifecycle/finalize-request.ts'",
    },
    { path: 'functions/core/domain/x.ts', text: "import { readFileSync } from 'node:fs'" },
    { path: 'functions/core/domain/x.ts', text: "import type { Clock } from '../platform/clock.ts'" },
    { path: 'functions/core/platform/x.ts', text: "import type { Quota } from '../stores/quota/port.ts'" },
    { path: 'functions/core/expressions/x.ts', text: "import type { Submission } from '../domain/submission.ts'" },
    { path: 'functions/core/lifecycle/x.ts', text: "import { dynamoItems } from '../stores/requests/dynamodb.ts'" },
    { path: 'functions/core/lifecycle/x.ts', text: "import type { GatewayPorts } from '../../gateway/ports.ts'" },
    { path: 'functions/core/lifecycle/x.ts', text: "import { admit } from '../admission/admit.ts'" },
    { path: 'functions/core/admission/x.ts', text: "import { dynamoQuota } from '../stores/quota/dynamodb.ts'" },
    { path: 'functions/core/admission/x.ts', text: "import type { GatewayPorts } from '../../gateway/ports.ts'" },
    { path: 'functions/core/admission/x.ts', text: "import { json } from '../http/response.ts'" },
    { path: 'functions/core/admission/x.ts', text: "import { renderError } from '../inference-api/errors.ts'" },
    { path: 'functions/core/http/x.ts', text: "import { renderError } from '../inference-api/errors.ts'" },
    { path: 'functions/core/inference-api/x.ts', text: "import type { Quota } from '../stores/quota/port.ts'" },
    { path: 'lib/local/x.ts', text: "import { queueName } from '../../functions/core/queue/names.ts'" },
    { path: 'lib/local/x.ts', text: "import { loadPipeline } from '../config/load.ts'" },
    { path: 'lib/local/resources/x.ts', text: "import { SluiceStack } from '../../sluice-stack.ts'" },
    { path: 'lib/local/x.ts', text: "import type { App } from 'aws-cdk-lib'" },
    { path: 'lib/config/x.ts', text: "import { Plan } from '../../functions/core/domain/limits.ts'" },
    { path: 'lib/config/x.ts', text: "import { Construct } from 'constructs'" },
  ])('the import rules forbid $text in $path', ({ path, text }) => {
    const { violations } = checkImports([...files, parseImports(path, text)])

    expect(violations.filter(violation => violation.startsWith(path))).toHaveLength(1)
  })

  it.each([
    { path: 'functions/gateway/x.ts', text: "import type { Env } from './env.ts'" },
    { path: 'functions/gateway/x.ts', text: "import { exceeded } from '../core/stores/quota/verdict.ts'" },
    { path: 'functions/intake/x.ts', text: "import { admit } from '../core/admission/admit.ts'" },
    { path: 'functions/core/lifecycle/x.ts', text: "import { RESULTS_QUEUE } from '../queue/names.ts'" },
    { path: 'functions/gateway/compose.ts', text: "import { composeQueue } from '../core/queue/compose.ts'" },
    {
      path: 'functions/core/stores/quota/x.ts',
      text: "// import { Stack } from 'aws-cdk-lib'\nimport { z } from 'zod'",
    },
    { path: 'lib/cli/x.ts', text: "import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'" },
  ])('the import rules allow $text in $path', ({ path, text }) => {
    const { violations } = checkImports([...files, parseImports(path, text)])

    expect(violations.filter(violation => violation.startsWith(path))).toEqual([])
  })

  it('the check of the import rules reports a rule whose folder does not exist', () => {
    const { idle } = checkImports(files.filter(({ path }) => !path.startsWith('functions/core/queue/')))

    expect(idle).toEqual([
      'functions/core/queue: a capability imports only domain, platform, expressions, itself and packages',
    ])
  })

  it('the check of the import rules finds a circle of imports, and prints its path', () => {
    const circle = [
      parseImports('functions/core/domain/x.ts', "import { y } from './y.ts'"),
      parseImports('functions/core/domain/y.ts', "export type { x } from './x.ts'"),
    ]

    expect(checkImports([...files, ...circle]).violations).toEqual([
      'a circle of imports: functions/core/domain/x.ts -> functions/core/domain/y.ts -> functions/core/domain/x.ts',
    ])
  })

  it('the import rules cover each folder of functions', () => {
    const unknown = parseImports('functions/novelty/x.ts', '')

    expect(checkImports([...files, unknown]).violations).toEqual(['functions/novelty is in no rule'])
  })

  it('the import rules are not checked in a file that does not parse: the check throws', () => {
    expect(() => parseImports('functions/gateway/x.ts', 'import {')).toThrow('does not parse')
  })
})

describe('the word SQS in code', () => {
  const naming = (pattern: string) =>
    globSync(pattern).filter(path => /sqs/i.test(withoutComments(path, readFileSync(path, 'utf8'))))

  it('is only in composeQueue, its adapters and the code that makes AWS clients, and nowhere else in functions', () => {
    expect(naming('functions/**/*.ts').filter(path => !NAMES_SQS.test(path))).toEqual([])
  })

  it('is found by the search of this test in the files that may contain it', () => {
    expect(naming('functions/core/queue/*.ts').toSorted()).toEqual([
      'functions/core/queue/admin.ts',
      'functions/core/queue/compose.ts',
      'functions/core/queue/sqs-capabilities.ts',
      'functions/core/queue/sqs.ts',
    ])
  })
})
