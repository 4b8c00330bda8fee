import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IS_PACKAGE, ROOT } from './installation.ts'

/** The folders with all code of Sluice, relative to the folder with package.json. */
const FOLDERS = IS_PACKAGE ? ['dist'] : ['functions', 'lib']

/**
 * The other files on which the contents of bundles and templates depend. In a checkout, package-lock.json decides which
 * versions of packages are in the bundles. The npm package needs no lock file, because it contains finished bundles.
 */
const FILES = IS_PACKAGE ? ['cdk.json', 'package.json'] : ['cdk.json', 'package-lock.json', 'tsconfig.json']

/**
 * The packages that make a template together with Sluice's own code. A project that uses the npm package chooses their
 * versions. Their package.json files are part of the hash, because another version may make another template.
 */
const TEMPLATE_MAKERS = ['aws-cdk-lib', 'cdk-nag', 'constructs']

/** Returns the SHA-256, in hex, of all files from which bundles and templates are made, except pipeline.yaml. This takes about 30 ms. */
export function hashOfSources(): string {
  const root = fileURLToPath(ROOT)
  const { resolve } = createRequire(import.meta.url)
  const files = [
    ...FOLDERS.flatMap(folder => filesIn(join(root, folder))),
    ...FILES.map(name => join(root, name)),
    ...TEMPLATE_MAKERS.map(name => resolve(`${name}/package.json`)),
  ]
  const hash = createHash('sha256')
  for (const file of files) {
    const content = readFileSync(file)
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Returns the SHA-256, in hex, of all files of a folder. */
export function hashOfFolder(folder: string): string {
  const hash = createHash('sha256')
  for (const file of filesIn(folder)) hash.update(`${file}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
