import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { IS_PACKAGE, ROOT, readOwnPackageJson } from '../../installation.ts'
import { Refusal } from '../refusal.ts'

const Texts = z.record(z.string(), z.string()).optional()
const PackageJson = z.looseObject({
  scripts: Texts,
  dependencies: Texts,
  devDependencies: Texts,
  optionalDependencies: Texts,
  peerDependencies: Texts,
})
type PackageJson = z.infer<typeof PackageJson>

const SCRIPTS = { start: 'sluice start', synth: 'cdk synth', deploy: 'cdk deploy' }

/**
 * Adds to a package.json the parts that an app with Sluice needs. Existing values and the indentation stay.
 * Without a text, it makes a new package.json. Throws `Refusal` if the text is no package.json.
 */
export function mergePackageJson(text: string | undefined, file: string, added: Additions): string {
  const before = text === undefined ? {} : parse(text, file)
  const after = merge(before, added)
  if (text !== undefined && JSON.stringify(after) === JSON.stringify(before)) return text
  const [, indentation = '  '] = /^([ \t]+)"/m.exec(text ?? '') ?? []
  return `${JSON.stringify(after, null, indentation)}\n`
}

/** The packages of an app, with their versions. */
interface Additions {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

function merge(before: PackageJson, { dependencies, devDependencies }: Additions): PackageJson {
  const { scripts, dependencies: used, devDependencies: usedInDevelopment, ...others } = before
  const known = { ...before.optionalDependencies, ...before.peerDependencies, ...usedInDevelopment, ...used }
  const missing = (packages: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(packages).filter(([name]) => !Object.hasOwn(known, name)))
  const development = { ...usedInDevelopment, ...missing(devDependencies) }
  return {
    ...before,
    // This is an app, so npm must refuse to publish it.
    private: others.private ?? true,
    scripts: { ...SCRIPTS, ...scripts },
    dependencies: { ...used, ...missing(dependencies) },
    ...(Object.keys(development).length > 0 && { devDependencies: development }),
  }
}

function parse(text: string, file: string): PackageJson {
  try {
    const packageJson = JSON.parse(text)
    // The schema only checks. Its result is not used, because it would change the order of the keys in the user's file.
    PackageJson.parse(packageJson)
    return packageJson
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll(/\s+/g, ' ') : 'it is not JSON'
    throw new Refusal(`${file} is not a package.json: ${reason}`)
  }
}

/** Returns the packages that an app in this folder needs: this Sluice, and the versions of the CDK that it needs. */
export function packagesFor(folder: string): Additions {
  const { dependencies, peerDependencies } = readOwnPackageJson()
  return {
    dependencies: { sluice: ownSource(folder), ...peerDependencies },
    devDependencies: { 'aws-cdk': dependencies['aws-cdk'] ?? '^2' },
  }
}

/** Returns the path of the archive that `npm pack` makes in a checkout. Returns undefined in the installed npm package. */
export function checkoutArchive(): string | undefined {
  return IS_PACKAGE ? undefined : join(fileURLToPath(ROOT), `sluice-${readOwnPackageJson().version}.tgz`)
}

/**
 * Returns the place where npm finds this Sluice, relative to the folder: the source in the package.json that installed
 * it, or the archive of a checkout. The place is never only a version, because npm would then take a package of this name from
 * a registry, which may be another one.
 */
function ownSource(folder: string): string {
  const archive = checkoutArchive()
  if (archive !== undefined) return fileSource(folder, archive)
  const own = fileURLToPath(ROOT)
  const installer = resolve(own, '..', '..')
  const source = sourceIn(join(installer, 'package.json'))
  if (source === undefined) return fileSource(folder, own)
  return source.startsWith('file:') ? fileSource(folder, resolve(installer, source.slice('file:'.length))) : source
}

function sourceIn(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  const { dependencies, devDependencies } = parse(readFileSync(file, 'utf8'), file)
  return dependencies?.sluice ?? devDependencies?.sluice
}

const fileSource = (folder: string, path: string): string => `file:${relative(folder, path).split(sep).join('/')}`
