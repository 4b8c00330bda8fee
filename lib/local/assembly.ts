import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { LocalError } from './error.ts'

const ResourceDeclaration = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DependsOn: z.union([z.string().transform(id => [id]), z.array(z.string())]).default([]),
  Condition: z.string().optional(),
  Metadata: z.record(z.string(), z.unknown()).default({}),
})
export type ResourceDeclaration = z.infer<typeof ResourceDeclaration>

const Template = z.object({
  Resources: z.record(z.string(), ResourceDeclaration),
  Parameters: z.record(z.string(), z.object({ Default: z.unknown() })).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Outputs: z.record(z.string(), z.object({ Value: z.unknown(), Condition: z.string().optional() })).default({}),
})
export type Template = z.infer<typeof Template>

const AssetManifest = z.object({
  files: z
    .record(
      z.string(),
      z.object({
        source: z.object({ path: z.string() }),
        destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
      }),
    )
    .default({}),
})

export interface Assembly {
  stackName: string
  template: Template
  /** Finds the folder of an asset by its S3 key in the template. Undefined if the assembly has no such asset. */
  assetFolder(objectKey: string): string | undefined
}

/**
 * Reads the stack from a folder that the CDK has synthesized: `<Stack>.template.json` and the `*.assets.json` beside it. Throws LocalError unless
 * the folder has exactly one stack.
 */
export function readAssembly(folder: string): Assembly {
  const files = readdirSync(folder)
  const [templateFile, ...others] = files.filter(file => file.endsWith('.template.json'))
  if (templateFile === undefined || others.length > 0)
    throw new LocalError(
      `${folder} must hold exactly one *.template.json; it holds ${templateFile ? files.length : 0}.`,
    )
  const template = Template.parse(readJson(join(folder, templateFile)))
  const assets = files.filter(file => file.endsWith('.assets.json')).flatMap(file => readAssets(folder, file))
  const folders = new Map(assets)
  return {
    stackName: templateFile.slice(0, -'.template.json'.length),
    template,
    assetFolder: objectKey => folders.get(objectKey),
  }
}

function readAssets(folder: string, file: string): [objectKey: string, path: string][] {
  const { files } = AssetManifest.parse(readJson(join(folder, file)))
  return Object.values(files).flatMap(({ source, destinations }) =>
    Object.values(destinations).map(({ objectKey }): [string, string] => [objectKey, resolve(folder, source.path)]),
  )
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}
