import { createHash } from 'node:crypto'
import { join, relative } from 'node:path'
import { type CfnResource, FileAssetPackaging, Stack, Stage } from 'aws-cdk-lib'
import { Code, type CodeConfig } from 'aws-cdk-lib/aws-lambda'
import {
  ASSET_RESOURCE_METADATA_ENABLED_CONTEXT,
  ASSET_RESOURCE_METADATA_IS_BUNDLED_KEY,
  ASSET_RESOURCE_METADATA_PATH_KEY,
  ASSET_RESOURCE_METADATA_PROPERTY_KEY,
} from 'aws-cdk-lib/cx-api'
import type { Construct } from 'constructs'
import { type Bundle, type SettingsFile, writeBundle } from '../bundle.ts'

/**
 * The code of a function. It is written directly into the CDK's output folder. `Code.fromAsset` is not used, because it
 * would hash all files again and copy them from another folder. This takes longer than the rest of a synthesis.
 */
export class FunctionCode extends Code {
  readonly isInline = false
  readonly #bundle: Bundle
  readonly #settings: SettingsFile | undefined
  /** The path of the code, relative to the CDK's output folder. */
  #path: string | undefined

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
    this.#path = relative(stage.outdir, folder)
    const { bucketName, objectKey } = Stack.of(scope).synthesizer.addFileAsset({
      sourceHash,
      fileName: this.#path,
      displayName: `${scope.node.path}/Code`,
      packaging: FileAssetPackaging.ZIP_DIRECTORY,
    })
    return { s3Location: { bucketName, objectKey } }
  }

  /** Tells tools that run the functions of a template, such as `sam local invoke`, where the code is. */
  override bindToResource(resource: CfnResource): void {
    if (!resource.node.tryGetContext(ASSET_RESOURCE_METADATA_ENABLED_CONTEXT)) return
    resource.addMetadata(ASSET_RESOURCE_METADATA_PATH_KEY, this.#path)
    resource.addMetadata(ASSET_RESOURCE_METADATA_IS_BUNDLED_KEY, false)
    resource.addMetadata(ASSET_RESOURCE_METADATA_PROPERTY_KEY, 'Code')
  }
}
