import { describe, expect, it } from 'vitest'
import { ofType } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const functionsWith = (context: Readonly<Record<string, string>>) =>
  ofType(synthesizeText(PIPELINE, { context }).template, 'AWS::Lambda::Function')

describe("the code of a template's functions", () => {
  it('is named in the metadata of the template if the CDK’s command line asks for it, for tools that run the functions locally', () => {
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

  it('is not named in the metadata of a template otherwise', () => {
    for (const { Metadata } of functionsWith({})) expect(Metadata ?? {}).not.toHaveProperty('aws:asset:path')
  })
})
