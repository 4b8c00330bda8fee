import { describe, expect, it } from 'vitest'
import { ofType } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const functionsWith = (context: Readonly<Record<string, string>>) =>
  ofType(synthesizeText(PIPELINE, { context }).template, 'AWS::Lambda::Function')

describe("the code of a template's functions", () => {
  it('if the CDK’s command line asks for it, a function’s metadata in the template name the folder of its code, for tools that run functions locally', () => {
    const functions = functionsWith({ 'aws:cdk:enable-asset-metadata': 'true' })

    expect(functions.length).toBeGreaterThan(5)
    for (const { Metadata, Properties } of functions) {
      const { S3Key } = Properties.Code as { S3Key: string }
      expect(Metadata).toMatchObject({
        'aws:asset:path': `asset.${S3Key.replace(/\.zip$/, '')}`,
        'aws:asset:property': 'Code',
        'aws:asset:is-bundled': false,
      })
    }
  })

  it('if the CDK’s command line does not ask for it, the template’s metadata do not name the folders of the functions’ code', () => {
    for (const { Metadata } of functionsWith({})) expect(Metadata ?? {}).not.toHaveProperty('aws:asset:path')
  })
})
