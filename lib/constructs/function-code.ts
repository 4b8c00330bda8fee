import { createHash } from 'node:crypto'
import { join, relative } from 'node:path'
import { FileAssetPackaging, Stack, Stage } from 'aws-cdk-lib'
import { Code, type CodeConfig } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { type Bundle, type SettingsFile, writeBundle } from '../bundle.ts'

/**
 * The code of a function, which is written right into the CDK's output. `Code.fromAsset` would hash all files again, and copy them from
 * another folder. That takes longer than the rest of a synthesis.
 */
export class FunctionCode extends Code {
  readonly isInline = false
  readonly #bundle: Bundle
  readonly #settings: SettingsFile | undefined

  constructor(bundle: Bundle, settings: SettingsFile | undefined) {
    super()
    this.#bundle = bundle
    this.#settings = settings
  }

  bind(scope: Construct): CodeConfig {
    const stage = Stage.of(scope)
    if (!stage) throw new Error('Sluice must be part of an app of the CDK')
    const sourceHash = createHash('sha256')
      .update(`${this.#bundle.hash}\0${JSON.stringify(this.#settings)}`)
      .digest('hex')
    const folder = join(stage.assetOutdir, `asset.${sourceHash}`)
    writeBundle(this.#bundle, folder, this.#settings)
    const { bucketName, objectKey } = Stack.of(scope).synthesizer.addFileAsset({
      sourceHash,
      fileName: relative(stage.outdir, folder),
      packaging: FileAssetPackaging.ZIP_DIRECTORY,
    })
    return { s3Location: { bucketName, objectKey } }
  }
}
